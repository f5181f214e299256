"""A model under attack: images in the layout that it expects, float32 logits, checked gradients."""

import torch
from torch import Tensor, nn

from taet.errors import UserError, counted
from taet.networks.network import Adjusted, Network


class Subject(nn.Module):
    """A model under attack.

    A gradient of NaN moves no image, which would then count as robust: such a gradient stops the evaluation.
    A model without a gradient gets one of zero.

    The project's own networks get images as they come, channels last; any other module gets them contiguous,
    as torch's own loaders do. If the module leaves out classes by a logit of -inf, these get a finite logit
    below all others of the image: the losses of attacks have no gradient at infinity.

    Args:
        model: takes [B, C, H, W] float32 in [0,1], gives logits [B, classes]; put into eval mode.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.is_ours = isinstance(model, Network | Adjusted)
        self.has_gradient = True
        """Whether torch can differentiate the model; ``taet.adversary.checks.check_model`` sets it."""
        self.eval()  # this module too: ``attack_mode`` restores its mode, in the model as well

    def raw(self, x: Tensor) -> Tensor:
        """The outputs of the model itself."""
        outputs: Tensor = self.model(x if self.is_ours else _contiguous(x))
        return outputs

    def forward(self, x: Tensor) -> Tensor:
        if not x.requires_grad:
            return self._logits(x)
        x = x.view_as(x)
        x.register_hook(_check_finite)
        logits = self._logits(x)
        # The added term is zero, and so is its gradient.
        return logits if self.has_gradient else logits + 0 * x.flatten(1).sum(1, keepdim=True)

    def _logits(self, x: Tensor) -> Tensor:
        logits = self.raw(x).float()
        return logits if self.is_ours else _without_infinity(logits)


def _contiguous(x: Tensor) -> Tensor:
    """Contiguous by its strides too: with one channel, torch also calls channels-last strides contiguous."""
    return x.flatten().view(x.shape)


def _without_infinity(logits: Tensor) -> Tensor:
    """[B, classes], where a number below all others of the row replaces -inf."""
    left_out, known = torch.isneginf(logits), logits.detach()
    low = known.masked_fill(left_out, torch.inf).amin(1, keepdim=True)
    below = 2 * low - known.amax(1, keepdim=True) - 1
    return torch.where(left_out, below, logits)


def _check_finite(gradient: Tensor | None) -> None:
    """Raises UserError where an image's gradient is not finite.

    Args:
        gradient: None where an operation of the model has none, such as a quantised layer.
    """
    # The sum is cheap, and not finite if one of its terms is not.
    if gradient is None or torch.isfinite(gradient.sum()):
        return
    bad = (~torch.isfinite(gradient.flatten(1)).all(1)).sum().item()
    if bad:
        raise UserError(
            f"the model's gradient is not finite for {bad} of {counted(len(gradient), 'image')}, so attacks "
            "cannot follow it; look for a square root or a norm at 0, a division, or an overflow"
        )

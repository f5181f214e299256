"""A model as attacks see it: images as it knows them, float32 logits, and gradients that are looked at."""

import torch
from torch import Tensor, nn

from taet.errors import UserError, counted
from taet.networks.network import Adjusted, Network


class Subject(nn.Module):
    """A model under attack.

    An attack that follows a gradient of NaN stands still, and its image would count as robust: such a
    gradient stops the evaluation. A model that no gradient flows through gives one of zero.

    The project's own networks get images as they come, channels last; any other module gets them contiguous,
    as torch's own loaders give them. Its classes with a logit of -inf, which it leaves out, get one below all
    others of the image: the losses of attacks have no gradient at infinity.

    Args:
        model: takes [B, C, H, W] float32 in [0,1], gives logits [B, classes]; put into eval mode.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.own = isinstance(model, Network | Adjusted)
        self.connected = True
        """Whether gradients flow back through the model; found out by ``taet.adversary.checks``."""
        self.eval()  # an attack puts its model back into the mode in which it has found this one

    def raw(self, x: Tensor) -> Tensor:
        """What the model itself gives."""
        outputs: Tensor = self.model(x if self.own else _contiguous(x))
        return outputs

    def forward(self, x: Tensor) -> Tensor:
        if not x.requires_grad:
            return self._logits(x)
        x = x.view_as(x)
        x.register_hook(_check_finite)
        logits = self._logits(x)
        # The term is zero, and so is its gradient.
        return logits if self.connected else logits + 0 * x.flatten(1).sum(1, keepdim=True)

    def _logits(self, x: Tensor) -> Tensor:
        logits = self.raw(x).float()
        return logits if self.own else _without_infinity(logits)


def _contiguous(x: Tensor) -> Tensor:
    """Contiguous in the strides too, which of images with one channel may say channels last."""
    return x.flatten().view(x.shape)


def _without_infinity(logits: Tensor) -> Tensor:
    """[B, classes] with a number below all others of the row in place of -inf."""
    left_out, known = torch.isneginf(logits), logits.detach()
    low = known.masked_fill(left_out, torch.inf).amin(1, keepdim=True)
    below = 2 * low - known.amax(1, keepdim=True) - 1
    return torch.where(left_out, below, logits)


def _check_finite(gradient: Tensor | None) -> None:
    """Raises UserError where an image's gradient is not finite.

    Args:
        gradient: None where an operation on the way has none, such as a quantised layer.
    """
    if gradient is None or torch.isfinite(
        gradient.sum()
    ):  # NaN and infinity get into the sum, which is cheap
        return
    bad = (~torch.isfinite(gradient.flatten(1)).all(1)).sum().item()
    if bad:
        raise UserError(
            f"the model's gradient is not finite for {bad} of {counted(len(gradient), 'image')}, so attacks "
            "cannot follow it; look for a square root or a norm at 0, a division, or an overflow"
        )

"""A model as attacks see it: float32 logits, and gradients that are looked at."""

import torch
from torch import Tensor, nn

from taet.errors import UserError


class Subject(nn.Module):
    """A model under attack.

    An attack that follows a gradient of NaN stands still, and its image would count as robust: such a
    gradient stops the evaluation. A model that no gradient flows through gives one of zero.

    Args:
        model: takes [B, C, H, W] float32 in [0,1], gives logits [B, classes]; put into eval mode.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.connected = True
        """Whether gradients flow back through the model; found out by ``taet.checks``."""
        self.eval()  # an attack puts its model back into the mode in which it has found this one

    def forward(self, x: Tensor) -> Tensor:
        if not x.requires_grad:
            return self.model(x).float()  # type: ignore[no-any-return]
        x = x.view_as(x)
        x.register_hook(_check_finite)
        logits: Tensor = self.model(x).float()
        # The term is zero, and so is its gradient.
        return logits if self.connected else logits + 0 * x.flatten(1).sum(1, keepdim=True)


def _check_finite(gradient: Tensor) -> None:
    """Raises UserError where an image's gradient is not finite."""
    if torch.isfinite(gradient.sum()):  # NaN and infinity get into the sum, which is cheap
        return
    bad = (~torch.isfinite(gradient.flatten(1)).all(1)).sum().item()
    if bad:
        raise UserError(
            f"the model's gradient is not finite for {bad} of {len(gradient)} images, so attacks cannot "
            "follow it; look for a square root or a norm at 0, a division, or an overflow"
        )

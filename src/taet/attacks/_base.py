"""What an evaluation attack is given."""

from dataclasses import dataclass

from torch import Tensor, nn

from taet.attacks._pgd import Draw


@dataclass(frozen=True)
class Target:
    """A batch under attack.

    Attributes:
        model: takes images in [0,1], gives logits.
        x: [B, C, H, W] float32 clean images in [0,1], all classified correctly.
        y: [B] int64 labels.
        eps: radius of the L-inf ball.
        draw: noise for random starts, the same for an image however the batches are cut.
    """

    model: nn.Module
    x: Tensor
    y: Tensor
    eps: float
    draw: Draw

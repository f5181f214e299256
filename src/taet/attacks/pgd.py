"""PGD-K on cross-entropy in the L-inf ball (Madry et al. 2018).

An image counts as fooled if some iterate, the start included, is misclassified: never weaker than
looking at the last iterate only, as most code of the field does. Attacks with the same start share
their random starts, so that PGD-20 is the beginning of PGD-100 where step sizes agree.
"""

from typing import Literal

from torch import Tensor

from taet.attacks._base import Target
from taet.attacks._pgd import pgd, project, start_point
from taet.losses import cross_entropy
from taet.options import AttackOptions, Count, PixelDistance


class Options(AttackOptions):
    steps: Count
    """Gradient steps K."""
    step_size: PixelDistance
    """Length of a step in the L-inf norm (``alpha`` in torchattacks)."""
    start: Literal["zero", "gauss", "uniform"]
    """First iterate; see ``taet.attacks._pgd.start_point``."""


def attack(options: Options, target: Target) -> Tensor:
    """Adversarial images, [B, C, H, W]."""
    # The start itself may count as adversarial, so it must be a picture inside the ball.
    start = start_point(options.start, target.x, target.eps, target.draw)
    return pgd(
        target.model,
        target.x,
        target.y,
        start=project(start, target.x, target.eps),
        objective=cross_entropy,
        eps=target.eps,
        step_size=options.step_size,
        steps=options.steps,
        stop_when_fooled=True,
    )

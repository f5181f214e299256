"""FGSM: one step of size eps along the sign of the gradient (Goodfellow et al. 2015), no random start."""

from torch import Tensor

from taet.attacks._base import Target
from taet.attacks._pgd import pgd
from taet.losses import cross_entropy
from taet.options import AttackOptions


class Options(AttackOptions):
    pass


def attack(options: Options, target: Target) -> Tensor:
    """Adversarial images, [B, C, H, W]."""
    return pgd(
        target.model,
        target.x,
        target.y,
        start=target.x,
        objective=cross_entropy,
        eps=target.eps,
        step_size=target.eps,
        steps=1,
        stop_when_fooled=True,
    )

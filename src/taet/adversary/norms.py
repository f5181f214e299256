"""Norms of perturbations and projections on their balls: L-inf and L2, images [B, C, H, W]."""

from typing import Literal

import torch
from torch import Tensor

Norm = Literal["linf", "l2"]
TINY = 1e-12  # against division by 0
TOLERANCE = 1e-6  # of a distance: float32 rounding of x + eps and back


def norm_of(delta: Tensor, norm: Norm) -> Tensor:
    """Norm of each perturbation, [B]."""
    flat = delta.flatten(1)
    return flat.abs().amax(1) if norm == "linf" else flat.square().sum(1).sqrt()


def unit(delta: Tensor, norm: Norm) -> Tensor:
    """Each perturbation scaled to norm 1; zero stays zero."""
    return delta / (norm_of(delta, norm).view(-1, 1, 1, 1) + TINY)


def steepest(gradient: Tensor, norm: Norm) -> Tensor:
    """The perturbation of norm 1 with the largest product with the gradient: its sign, or its direction."""
    return gradient.sign() if norm == "linf" else unit(gradient, norm)


def project(x_adv: Tensor, x: Tensor, eps: float | Tensor, norm: Norm) -> Tensor:
    """An image in the ball around x and in [0,1]: for L-inf, the nearest one.

    For L2, the nearest one in the ball, cut to [0,1], which brings it no further from x; AutoAttack does the
    same. ``eps`` is a number or [B, 1, 1, 1].
    """
    if norm == "linf":
        return torch.clamp(x_adv, x - eps, x + eps).clamp_(0, 1)
    delta = x_adv - x
    length = norm_of(delta, norm).view(-1, 1, 1, 1)
    return (x + delta * torch.clamp(eps / (length + TINY), max=1)).clamp_(0, 1)

"""FAB-T: the fast adaptive boundary attack towards one class (Croce and Hein 2020, FAB, algorithm 1).

Looks for the nearest misclassified image: at each iterate the boundary between the true and the target
class is linearised, iterate and clean image are projected on it within [0,1], and the iterate moves to a
mixture of the two projections. An image counts as fooled, and leaves, once a misclassified image within eps
was met: what FAB would still gain, a smaller distance, changes no verdict.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from taet.adversary.apgd import ranked_class
from taet.adversary.norms import Norm, size
from taet.adversary.objectives import logit_gap
from taet.adversary.parts import Target

OVERSHOOT, BACKWARD, LARGEST_BIAS = 1.05, 0.9, 0.1  # eta, beta, alpha_max of the paper
TINY = 1e-8


@dataclass(frozen=True)
class Fab:
    """FAB towards the class at place ``rank`` (1: runner-up) among the logits of the clean image.

    Attributes:
        title, norm: see ``taet.adversary.parts.Part``.
        steps: iterations.
        rank: see above.
    """

    title: str
    norm: Norm
    steps: int
    rank: int
    bounded: bool = True
    goes_on: bool = False

    def run(self, target: Target) -> Tensor:
        """The images that fool the model within eps; the clean ones of the others."""
        result, towards = target.x.clone(), ranked_class(target, self.rank)
        if towards is None:
            return result
        rows = torch.arange(len(result), device=result.device)
        x, y, labels = target.x, target.y, torch.stack([target.y, towards], 1)
        iterate = x
        for _ in range(self.steps):
            gradient, logits = target.gradient(iterate, labels, logit_gap)
            gap = logit_gap(logits, labels)
            moved = self._step(x, iterate, gradient, gap)
            fooled = target.logits(moved).argmax(1) != y
            broken = fooled & (size(moved - x, self.norm) <= target.eps)
            result[rows[broken]] = moved[broken]
            # Misclassified, but too far away: back towards the clean image, and on from there.
            closer = x + BACKWARD * (moved - x)
            iterate = torch.where(fooled.view(-1, 1, 1, 1), closer, moved)
            if broken.any():
                kept = ~broken
                rows, x, y, labels = rows[kept], x[kept], y[kept], labels[kept]
                iterate = iterate[kept]
            if not len(rows):
                break
        return result

    def _step(self, x: Tensor, iterate: Tensor, gradient: Tensor, gap: Tensor) -> Tensor:
        """Mixture of the projections of iterate and clean image on the linearised boundary."""
        at_clean = gap + (gradient * (x - iterate)).flatten(1).sum(1)
        from_iterate = to_hyperplane(iterate, gradient, gap, self.norm)
        from_clean = to_hyperplane(x, gradient, at_clean, self.norm)
        near, far = (
            size(delta, self.norm).clamp(min=TINY).view(-1, 1, 1, 1)
            for delta in (from_iterate, from_clean)
        )
        bias = (near / (near + far)).clamp(max=LARGEST_BIAS)
        mixture = (1 - bias) * (iterate + OVERSHOOT * from_iterate)
        return (mixture + bias * (x + OVERSHOOT * from_clean)).clamp(0, 1)


def to_hyperplane(point: Tensor, normal: Tensor, residual: Tensor, norm: Norm) -> Tensor:
    """The smallest movement within [0,1] that brings w z + b to zero, [B, C, H, W].

    Every pixel moves the way that lessens the residual, at a speed of 1 (L-inf) or |w_i| (L2), until it
    is stopped by 0 or 1. The residual then falls piecewise linearly with time, and the time at which it
    is zero is found by sorting the stops: exact. Where the box does not reach the hyperplane, all pixels
    end at their stops.

    Args:
        point: [B, C, H, W] in [0,1].
        normal: w, of the same shape.
        residual: [B], w point + b.
        norm: what to keep small.
    """
    z, w = point.flatten(1), normal.flatten(1)
    direction = -residual.sign()[:, None] * w.sign()
    room = torch.where(direction > 0, 1 - z, z) * (direction != 0)
    speed = torch.ones_like(w) if norm == "linf" else w.abs()
    stops = torch.where(speed > 0, room / speed.clamp(min=torch.finfo(w.dtype).tiny), 0)
    stop, order = stops.sort(1)
    weight = w.abs().gather(1, order)
    filled = (weight * room.gather(1, order)).cumsum(1)  # taken off the residual by stopped pixels
    flow = weight * speed.gather(1, order)
    rate = flow.flip(1).cumsum(1).flip(1) - flow  # of the pixels that still move after each stop
    need = residual.abs()[:, None]
    passed = (filled + stop * rate < need).sum(1, keepdim=True)  # stops before the time looked for
    before = (passed - 1).clamp(min=0)
    done = torch.where(passed > 0, filled.gather(1, before), 0)
    speed_then = torch.where(passed > 0, rate.gather(1, before), flow.sum(1, keepdim=True))
    last = stop[:, -1:]
    time = torch.where(
        passed < stop.shape[1],
        (need - done) / speed_then.clamp(min=torch.finfo(w.dtype).tiny),
        last,
    ).clamp(max=last)
    return (direction * torch.minimum(time * speed, room)).view_as(point)

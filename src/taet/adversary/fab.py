"""FAB-T: the fast adaptive boundary attack towards one class (Croce and Hein 2020, FAB, algorithm 1).

Searches for the nearest misclassified image: at each iterate the boundary between the true and the target
class is linearised, iterate and clean image are projected on it within [0,1], and the iterate moves to a
mixture of the two projections. An image is fooled, and leaves, once an iterate within eps is misclassified:
further steps could only shorten the distance, which changes no verdict.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from taet.adversary.apgd import ranked_class
from taet.adversary.norms import Norm, norm_of
from taet.adversary.objectives import logit_gap
from taet.adversary.parts import AttackInput, GradientPart

OVERSHOOT, BACKWARD, LARGEST_BIAS = 1.05, 0.9, 0.1  # eta, beta, alpha_max of the paper
LEAST_SIZE = 1e-8  # of a movement, against division by 0


@dataclass(frozen=True)
class Fab(GradientPart):
    """FAB towards one class.

    Attributes:
        title, norm: see ``taet.adversary.parts.Part``.
        steps: iterations.
        rank: of the target class among the logits of the clean image; 1: runner-up.
    """

    title: str
    norm: Norm
    steps: int
    rank: int
    bounded: bool = True
    continues: bool = False

    @property
    def target_rank(self) -> int:
        return self.rank

    def run(self, inputs: AttackInput) -> Tensor:
        """Images that fool the model within eps; the clean image where there is none."""
        result, towards = inputs.x.clone(), ranked_class(inputs, self.rank, self.samples)
        if towards is None:
            return result
        rows = torch.arange(len(result), device=result.device)
        x, y, labels = inputs.x, inputs.y, torch.stack([inputs.y, towards], 1)
        iterate = x
        for _ in range(self.steps):
            gradient, logits = inputs.gradient(iterate, labels, logit_gap, self.samples)
            gap = logit_gap(logits, labels)
            moved = self._step(x, iterate, gradient, gap)
            misclassified = inputs.logits(moved, self.samples).argmax(1) != y
            fooled = misclassified & (norm_of(moved - x, self.norm) <= inputs.eps)
            result[rows[fooled]] = moved[fooled]
            # Misclassified, but too far away: step back towards the clean image and continue there.
            closer = x + BACKWARD * (moved - x)
            iterate = torch.where(misclassified.view(-1, 1, 1, 1), closer, moved)
            if fooled.any():
                robust = ~fooled
                rows, x, y, labels = rows[robust], x[robust], y[robust], labels[robust]
                iterate = iterate[robust]
            if not len(rows):
                break
        return result

    def _step(self, x: Tensor, iterate: Tensor, gradient: Tensor, gap: Tensor) -> Tensor:
        """Mixture of the projections of iterate and clean image on the linearised boundary."""
        at_clean = gap + (gradient * (x - iterate)).flatten(1).sum(1)
        from_iterate = to_hyperplane(iterate, gradient, gap, self.norm)
        from_clean = to_hyperplane(x, gradient, at_clean, self.norm)
        near, far = (
            norm_of(delta, self.norm).clamp(min=LEAST_SIZE).view(-1, 1, 1, 1)
            for delta in (from_iterate, from_clean)
        )
        bias = (near / (near + far)).clamp(max=LARGEST_BIAS)
        mixture = (1 - bias) * (iterate + OVERSHOOT * from_iterate)
        return (mixture + bias * (x + OVERSHOOT * from_clean)).clamp(0, 1)


def to_hyperplane(point: Tensor, normal: Tensor, residual: Tensor, norm: Norm) -> Tensor:
    """The smallest movement within [0,1] that brings w z + b to zero, [B, C, H, W].

    Every pixel moves so that |w z + b| falls, at a speed of 1 (L-inf) or |w_i| (L2), and stops at 0 or 1. The
    residual then falls piecewise linearly with time, so that sorting the times of the stops gives exactly the
    time at which it is zero. If the hyperplane does not meet [0,1], all pixels move to their stops.

    Args:
        point: [B, C, H, W] in [0,1].
        normal: w, of the same shape.
        residual: [B], w point + b.
        norm: in which the movement is the smallest.
    """
    z, w = point.flatten(1), normal.flatten(1)
    direction = -residual.sign()[:, None] * w.sign()
    room = torch.where(direction > 0, 1 - z, z) * (direction != 0)
    speed = torch.ones_like(w) if norm == "linf" else w.abs()
    stop_time = torch.where(speed > 0, room / speed.clamp(min=torch.finfo(w.dtype).tiny), 0)
    stop, order = stop_time.sort(1)
    weight = w.abs().gather(1, order)
    # The residual falls by ``stopped`` through the pixels that have stopped at each stop, and at ``rate``
    # through those that still move after it.
    stopped = (weight * room.gather(1, order)).cumsum(1)
    pixel_rate = weight * speed.gather(1, order)
    rate = pixel_rate.flip(1).cumsum(1).flip(1) - pixel_rate
    needed = residual.abs()[:, None]
    # Stops before the residual is zero.
    passed = (stopped + stop * rate < needed).sum(1, keepdim=True)
    last_passed = (passed - 1).clamp(min=0)
    done = torch.where(passed > 0, stopped.gather(1, last_passed), 0)
    final_rate = torch.where(
        passed > 0, rate.gather(1, last_passed), pixel_rate.sum(1, keepdim=True)
    )
    last_stop = stop[:, -1:]
    time = torch.where(
        passed < stop.shape[1],
        (needed - done) / final_rate.clamp(min=torch.finfo(w.dtype).tiny),
        last_stop,
    ).clamp(max=last_stop)
    return (direction * torch.minimum(time * speed, room)).view_as(point)

"""APGD: PGD with momentum that sets its own step size (Croce and Hein 2020, algorithm 1).

Where the paper and the authors' code differ, this follows the code: a step size is halved when the objective
rose in *at most* the share rho of the steps since the last checkpoint (paper: in fewer).
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from taet.adversary.active import Active
from taet.adversary.norms import Norm, norm_of, project, steepest
from taet.adversary.objectives import (
    CrossEntropy,
    DifferenceOfLogits,
    TargetedDifferenceOfLogits,
)
from taet.adversary.parts import AttackInput, GradientPart
from taet.adversary.pgd import Objective

OBJECTIVES: dict[str, Objective] = {
    "ce": CrossEntropy(),
    "dlr": DifferenceOfLogits(),
    "dlr_targeted": TargetedDifferenceOfLogits(),
}
RHO = 0.75  # share of rising steps below which the step size is halved
MOMENTUM = 0.75  # weight of the new step; the rest is that of the last one
# Between checkpoints, as shares of all steps.
FIRST_PERIOD, PERIOD_DECREASE, LEAST_PERIOD = 0.22, 0.03, 0.06


@dataclass(frozen=True)
class Apgd(GradientPart):
    """APGD from a random point on the surface of the ball.

    Attributes:
        title, norm: see ``taet.adversary.parts.Part``.
        loss: ``ce``; ``dlr``; ``dlr_targeted``: towards the class of ``rank``.
        steps: gradient steps.
        rank: of the target class among the logits of the clean image; 1: runner-up. 0 for the untargeted
            losses.
        restart: number of the random start, from 0.
    """

    title: str
    norm: Norm
    loss: Literal["ce", "dlr", "dlr_targeted"]
    steps: int
    rank: int = 0
    restart: int = 0
    bounded: bool = True
    continues: bool = False

    @property
    def target_rank(self) -> int:
        return self.rank

    @property
    def follows_dlr(self) -> bool:
        return self.loss.startswith("dlr")

    def run(self, inputs: AttackInput) -> Tensor:
        """The first iterate that fools the model, or else the iterate with the highest objective."""
        labels = inputs.y
        if self.rank:
            towards = ranked_class(inputs, self.rank, self.samples)
            if towards is None:
                return inputs.x
            labels = torch.stack([inputs.y, towards], 1)
        objective = OBJECTIVES[self.loss]
        result = inputs.x.clone()
        start = self._start(inputs)
        gradient, logits = inputs.gradient(start, labels, objective, self.samples)
        state = _State.begin(inputs, labels, start, gradient, objective(logits, labels))
        state = state.retire(logits.argmax(1) != state.y, result)
        periods = checkpoints(self.steps)
        for step in range(1, self.steps + 1):
            if not len(state.rows):
                break
            state.move(inputs.eps, self.norm, 1.0 if step == 1 else MOMENTUM)
            gradient, logits = inputs.gradient(state.iterate, state.labels, objective, self.samples)
            state.update(gradient, objective(logits, state.labels))
            state = state.retire(logits.argmax(1) != state.y, result)
            if step in periods:
                state.adapt(periods[step])
        result[state.rows] = state.best
        return result

    def _start(self, inputs: AttackInput) -> Tensor:
        shape = inputs.x.shape[1:]
        noise, purpose = inputs.noise.for_restart(self.restart), f"apgd {self.loss} {self.rank}"
        if self.norm == "linf":
            direction = 2 * noise.uniform(purpose, *shape) - 1
        else:
            direction = noise.normal(purpose, *shape)
        length = norm_of(direction, self.norm).view(-1, 1, 1, 1)
        return project(inputs.x + inputs.eps * direction / length, inputs.x, inputs.eps, self.norm)


def checkpoints(steps: int) -> dict[int, int]:
    """Steps, from 1, after which step sizes may be halved; with each, the number of steps since the last."""
    first, decrease, least = (
        max(int(share * steps), 1) for share in (FIRST_PERIOD, PERIOD_DECREASE, LEAST_PERIOD)
    )
    periods, step, period = {}, first, first
    while step <= steps:
        periods[step] = period
        period = max(period - decrease, least)
        step += period
    return periods


def ranked_class(inputs: AttackInput, rank: int, samples: int) -> Tensor | None:
    """[B] class of a rank among the logits of each clean image, 0: the largest; None with fewer classes.

    Args:
        samples: passes that the logits are the means of.
    """
    logits = inputs.logits(inputs.x, samples)
    if rank >= logits.shape[1]:
        return None
    return logits.argsort(dim=1, descending=True, stable=True)[:, rank]


@dataclass
class _State(Active):
    """The images that are still robust, [B], and what APGD knows of each.

    Attributes:
        labels: of the objective: ``y``, or [B, 2] with the target class.
        previous: the iterate before the last step.
        gradient, value: of the objective at ``iterate``.
        best, best_gradient, best_value: the iterate with the highest objective so far.
        rises: steps since the last checkpoint in which the objective rose.
        halved: whether the last checkpoint halved the step size.
        checked_value: ``best_value`` at the last checkpoint.
    """

    x: Tensor
    y: Tensor
    labels: Tensor
    previous: Tensor
    gradient: Tensor
    value: Tensor
    best: Tensor
    best_gradient: Tensor
    best_value: Tensor
    step_size: Tensor
    rises: Tensor
    halved: Tensor
    checked_value: Tensor

    @classmethod
    def begin(
        cls, inputs: AttackInput, labels: Tensor, start: Tensor, gradient: Tensor, value: Tensor
    ) -> "_State":
        return cls(
            rows=torch.arange(len(start), device=start.device),
            x=inputs.x,
            y=inputs.y,
            labels=labels,
            iterate=start,
            previous=start,
            gradient=gradient,
            value=value,
            best=start,
            best_gradient=gradient,
            best_value=value,
            step_size=torch.full_like(value, 2 * inputs.eps),
            rises=torch.zeros_like(value),
            halved=torch.ones_like(value, dtype=torch.bool),
            checked_value=value,
        )

    def move(self, eps: float, norm: Norm, weight: float) -> None:
        """A step along the gradient, averaged with the step before it."""
        momentum = self.iterate - self.previous
        self.previous = self.iterate
        ahead = self.iterate + _wide(self.step_size) * steepest(self.gradient, norm)
        ahead = project(ahead, self.x, eps, norm)
        ahead = self.iterate + weight * (ahead - self.iterate) + (1 - weight) * momentum
        self.iterate = project(ahead, self.x, eps, norm)

    def update(self, gradient: Tensor, value: Tensor) -> None:
        """Take in gradient and value of the objective at the new iterate."""
        self.rises = self.rises + (value > self.value)
        self.gradient, self.value = gradient, value
        better = value > self.best_value
        self.best = torch.where(_wide(better), self.iterate, self.best)
        self.best_gradient = torch.where(_wide(better), gradient, self.best_gradient)
        self.best_value = torch.where(better, value, self.best_value)

    def adapt(self, steps: int) -> None:
        """At a checkpoint: halve the step size and return to the best point where progress has ended."""
        stuck = ~self.halved & (self.checked_value >= self.best_value)
        halve = (self.rises <= RHO * steps) | stuck
        self.step_size = torch.where(halve, self.step_size / 2, self.step_size)
        self.iterate = torch.where(_wide(halve), self.best, self.iterate)
        self.gradient = torch.where(_wide(halve), self.best_gradient, self.gradient)
        # As in the authors' code, ``value`` stays that of the last step: the next rise is counted against it.
        self.halved, self.checked_value = halve, self.best_value
        self.rises = torch.zeros_like(self.rises)


def _wide(values: Tensor) -> Tensor:
    return values.view(-1, 1, 1, 1)

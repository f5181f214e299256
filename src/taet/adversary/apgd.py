"""APGD: PGD with momentum that sets its own step size (Croce and Hein 2020, algorithm 1).

Where paper and the authors' code differ, the code is followed: a step size is halved when the objective
rose in *at most* the share rho of the steps since the last checkpoint (paper: in fewer).
"""

from dataclasses import dataclass, fields
from typing import Literal

import torch
from torch import Tensor

from taet.adversary.norms import Norm, project, size, steepest
from taet.adversary.objectives import (
    CrossEntropy,
    DifferenceOfLogits,
    TargetedDifferenceOfLogits,
)
from taet.adversary.parts import Target
from taet.adversary.pgd import Objective

OBJECTIVES: dict[str, Objective] = {
    "ce": CrossEntropy(),
    "dlr": DifferenceOfLogits(),
    "dlr_targeted": TargetedDifferenceOfLogits(),
}
RHO = 0.75  # share of rising steps below which the step size is halved
MOMENTUM = 0.75  # weight of the new step; the rest is that of the last one
FIRST_CHECK, CHECK_DECREASE, LEAST_CHECK = 0.22, 0.03, 0.06  # of all steps


@dataclass(frozen=True)
class Apgd:
    """APGD from a random point on the surface of the ball.

    Attributes:
        title, norm: see ``taet.adversary.parts.Part``.
        loss: ``ce``; ``dlr``; ``dlr_targeted``: towards the class at place ``rank`` (1: runner-up)
            among the logits of the clean image.
        steps: gradient steps.
        rank: see above; 0 for the untargeted losses.
        restart: number of the random start, from 0.
    """

    title: str
    norm: Norm
    loss: Literal["ce", "dlr", "dlr_targeted"]
    steps: int
    rank: int = 0
    restart: int = 0
    bounded: bool = True
    goes_on: bool = False

    def run(self, target: Target) -> Tensor:
        """The images that fool the model, and of the others the ones with the highest objective."""
        labels = target.y
        if self.rank:
            targets = ranked_class(target, self.rank)
            if targets is None:
                return target.x
            labels = torch.stack([target.y, targets], 1)
        objective = OBJECTIVES[self.loss]
        result = target.x.clone()
        start = self._start(target)
        gradient, logits = target.gradient(start, labels, objective)
        state = _State.begin(target, labels, start, gradient, objective(logits, labels))
        state = state.without(logits.argmax(1) != state.y, result)
        check, since = max(int(FIRST_CHECK * self.steps), 1), 0
        for step in range(self.steps):
            if not len(state.rows):
                break
            state.move(target.eps, self.norm, 1.0 if step == 0 else MOMENTUM)
            gradient, logits = target.gradient(state.iterate, state.labels, objective)
            state.learn(gradient, objective(logits, state.labels))
            state = state.without(logits.argmax(1) != state.y, result)
            since += 1
            if since == check:
                state.adapt(check)
                least = max(int(LEAST_CHECK * self.steps), 1)
                check, since = max(check - max(int(CHECK_DECREASE * self.steps), 1), least), 0
        result[state.rows] = state.best
        return result

    def _start(self, target: Target) -> Tensor:
        shape = target.x.shape[1:]
        noise, purpose = target.noise.again(self.restart), f"apgd {self.loss} {self.rank}"
        if self.norm == "linf":
            direction = 2 * noise.uniform(purpose, *shape) - 1
        else:
            direction = noise.normal(purpose, *shape)
        length = size(direction, self.norm).view(-1, 1, 1, 1)
        return project(target.x + target.eps * direction / length, target.x, target.eps, self.norm)


def ranked_class(target: Target, rank: int) -> Tensor | None:
    """Class at a place among the logits of the clean images, 0 being the first; None if there is none."""
    logits = target.logits(target.x)
    if rank >= logits.shape[1]:
        return None
    return logits.argsort(dim=1, descending=True, stable=True)[:, rank]


@dataclass
class _State:
    """The images that still stand, [B], and what belongs to each.

    ``rises``: steps since the last checkpoint in which the objective rose; ``halved``: at the last
    checkpoint; ``checked``: the best value then.
    """

    rows: Tensor
    x: Tensor
    y: Tensor
    labels: Tensor
    iterate: Tensor
    previous: Tensor
    gradient: Tensor
    value: Tensor
    best: Tensor
    best_gradient: Tensor
    best_value: Tensor
    step_size: Tensor
    rises: Tensor
    halved: Tensor
    checked: Tensor

    @classmethod
    def begin(
        cls, target: Target, labels: Tensor, start: Tensor, gradient: Tensor, value: Tensor
    ) -> "_State":
        return cls(
            rows=torch.arange(len(start), device=start.device),
            x=target.x,
            y=target.y,
            labels=labels,
            iterate=start,
            previous=start,
            gradient=gradient,
            value=value,
            best=start,
            best_gradient=gradient,
            best_value=value,
            step_size=torch.full_like(value, 2 * target.eps),
            rises=torch.zeros_like(value),
            halved=torch.ones_like(value, dtype=torch.bool),
            checked=value,
        )

    def without(self, leaving: Tensor, result: Tensor) -> "_State":
        """The images that stay; the others' iterates are written to ``result``."""
        if not leaving.any():
            return self
        result[self.rows[leaving]] = self.iterate[leaving]
        return _State(*(getattr(self, field.name)[~leaving] for field in fields(self)))

    def move(self, eps: float, norm: Norm, weight: float) -> None:
        """A step along the gradient, averaged with the step before it."""
        momentum = self.iterate - self.previous
        self.previous = self.iterate
        ahead = self.iterate + _wide(self.step_size) * steepest(self.gradient, norm)
        ahead = project(ahead, self.x, eps, norm)
        ahead = self.iterate + weight * (ahead - self.iterate) + (1 - weight) * momentum
        self.iterate = project(ahead, self.x, eps, norm)

    def learn(self, gradient: Tensor, value: Tensor) -> None:
        """What the model says at the new iterate."""
        self.rises = self.rises + (value > self.value)
        self.gradient, self.value = gradient, value
        better = value > self.best_value
        self.best = torch.where(_wide(better), self.iterate, self.best)
        self.best_gradient = torch.where(_wide(better), gradient, self.best_gradient)
        self.best_value = torch.where(better, value, self.best_value)

    def adapt(self, steps: int) -> None:
        """At a checkpoint: halve the step size and return to the best point where progress has ended."""
        stuck = ~self.halved & (self.checked >= self.best_value)
        halve = (self.rises <= RHO * steps) | stuck
        self.step_size = torch.where(halve, self.step_size / 2, self.step_size)
        self.iterate = torch.where(_wide(halve), self.best, self.iterate)
        self.gradient = torch.where(_wide(halve), self.best_gradient, self.gradient)
        # The authors' code leaves ``value`` as it is: the next rise is against the last step taken.
        self.halved, self.checked = halve, self.best_value
        self.rises = torch.zeros_like(self.rises)


def _wide(values: Tensor) -> Tensor:
    return values.view(-1, 1, 1, 1)

"""Sign-gradient descent as a part of an attack: FGSM, PGD, CW-Linf and LSA are made of it."""

from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from torch import Tensor

from taet.adversary.noise import Noise
from taet.adversary.norms import Norm, project
from taet.adversary.parts import AttackInput, GradientPart
from taet.adversary.pgd import Objective, pgd, start_point

Start = Literal["zero", "gauss", "uniform"]
Convention = Literal["any_iterate", "last_iterate"]


@dataclass(frozen=True)
class Descent(GradientPart):
    """PGD in the L-inf ball.

    Attributes:
        title: see ``taet.adversary.parts.Part``.
        objective: what to maximise; a frozen data class.
        start: first iterate; see ``taet.adversary.pgd.start_point``. Parts with the same start share its
            random numbers.
        step_size: in the [0,1] pixel range; None for eps.
        steps: gradient steps.
        convention: ``any_iterate``: an image is fooled if some iterate, the start included, is
            misclassified; ``last_iterate``: only the last one counts, as in most code of the field.
        restart: number of the random start, from 0.
        continues: see ``taet.adversary.parts.Part``.
    """

    title: str
    objective: Objective
    start: Start
    step_size: float | None
    steps: int
    convention: Convention
    restart: int = 0
    continues: bool = False
    norm: Norm = "linf"
    bounded: bool = True

    def run(self, inputs: AttackInput) -> Tensor:
        return pgd(
            inputs.model,
            inputs.x,
            inputs.y,
            start=inputs.iterate if self.continues else self._start(inputs),
            objective=self.objective,
            eps=inputs.eps,
            step_size=inputs.eps if self.step_size is None else self.step_size,
            steps=self.steps,
            stop_when_fooled=self.convention == "any_iterate",
            batch_size=inputs.batch_size,
            samples=self.samples,
        )

    def _start(self, inputs: AttackInput) -> Tensor:
        draw = partial(_draw, inputs.noise.for_restart(self.restart), inputs.x.shape[1:])
        start = start_point(self.start, inputs.x, inputs.eps, draw)
        # The start itself may count as adversarial, so it must be an image inside the ball.
        return project(start, inputs.x, inputs.eps, "linf")


def _draw(noise: Noise, shape: torch.Size, sample: object) -> Tensor:
    """Noise of a kind that ``start_point`` names by torch's function."""
    return noise.uniform("start", *shape) if sample is torch.rand else noise.normal("start", *shape)

"""DeepFool-L2: step by step to the nearest linearised boundary (Moosavi-Dezfooli et al. 2016). Unbounded.

There is no eps: a model is "robust" only where the search did not end within its steps. What counts is the
median norm of the perturbations, which tables show with it.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from taet.adversary.norms import Norm
from taet.adversary.objectives import logit_gap
from taet.adversary.parts import Part, Target
from taet.options import AttackOptions, Count, NonNegative


class Options(AttackOptions):
    steps: Count
    """Steps at most; 50 in paper and torchattacks."""
    overshoot: NonNegative
    """How far beyond the boundary to go, as a share of the way; 0.02 in the paper."""

    def ball(self, eps: float) -> tuple[str, float | None]:
        return "l2", None


def parts(options: Options) -> tuple[Part, ...]:
    """The one search."""
    return (DeepFool("DeepFool-L2", options.steps, options.overshoot),)


@dataclass(frozen=True)
class DeepFool:
    """See the module."""

    title: str
    steps: int
    overshoot: float
    norm: Norm = "l2"
    bounded: bool = False
    goes_on: bool = False

    def run(self, target: Target) -> Tensor:
        """Images on the far side of the boundary, or as far as the steps went."""
        result = target.x.clone()
        rows = torch.arange(len(result), device=result.device)
        total = torch.zeros_like(target.x)
        for _ in range(self.steps):
            x_adv = (target.x + (1 + self.overshoot) * total).clamp(0, 1)
            result[rows] = x_adv
            logits = target.logits(x_adv)
            standing = logits.argmax(1) == target.y
            rows, total, target = rows[standing], total[standing], target.rows(standing)
            if not len(rows):
                break
            total = total + self._shortest(target, x_adv[standing], logits[standing])
        else:
            result[rows] = (target.x + (1 + self.overshoot) * total).clamp(0, 1)
        return result

    def _shortest(self, target: Target, x: Tensor, logits: Tensor) -> Tensor:
        """The shortest way to a linearised boundary between the true and any other class."""
        nearest = torch.full((len(x),), torch.inf, device=x.device)
        way = torch.zeros_like(x)
        own = logits.gather(1, target.y[:, None]).squeeze(1)
        for other in range(logits.shape[1]):
            labels = torch.stack([target.y, torch.full_like(target.y, other)], 1)
            gradient, _ = target.gradient(x, labels, logit_gap)
            square = gradient.flatten(1).square().sum(1)
            gap = own - logits[:, other]
            distance = gap / square.sqrt()
            closer = (target.y != other) & (square > 0) & (distance < nearest)
            step = ((gap + 1e-4) / square.clamp(min=1e-30)).view(-1, 1, 1, 1) * gradient
            way = torch.where(closer.view(-1, 1, 1, 1), step, way)
            nearest = torch.where(closer, distance, nearest)
        return way

"""DeepFool-L2: step by step to the nearest linearised boundary (Moosavi-Dezfooli et al. 2016). Unbounded.

There is no eps: an image is "robust" only if the search does not reach the boundary within its steps. The
result is the median norm of the perturbations, which tables print beside that share.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from taet.adversary.norms import Norm
from taet.adversary.objectives import logit_gap
from taet.adversary.parts import AttackInput, GradientPart, Part
from taet.options import AttackOptions, Count, NonNegative

# Added to the gap, as in torchattacks, so that a step crosses the boundary; and against a gradient of zero.
GAP_GUARD, SQUARE_GUARD = 1e-4, 1e-30


class Options(AttackOptions):
    steps: Count
    """Steps at most; 50 in paper and torchattacks."""
    overshoot: NonNegative
    """How far beyond the boundary to go, as a share of the distance to it; 0.02 in the paper."""

    def ball(self, eps: float) -> tuple[str, float | None]:
        return "l2", None


def parts(options: Options) -> tuple[Part, ...]:
    """The one search."""
    return (DeepFool("DeepFool-L2", options.steps, options.overshoot),)


@dataclass(frozen=True)
class DeepFool(GradientPart):
    """See the module."""

    title: str
    steps: int
    overshoot: float
    norm: Norm = "l2"
    bounded: bool = False
    continues: bool = False

    def run(self, inputs: AttackInput) -> Tensor:
        """Images beyond the boundary, or the iterates after all steps."""
        result = inputs.x.clone()
        rows = torch.arange(len(result), device=result.device)
        total = torch.zeros_like(inputs.x)
        for _ in range(self.steps):
            x_adv = self._overshot(inputs.x, total)
            result[rows] = x_adv
            logits = inputs.logits(x_adv, self.samples)
            robust = logits.argmax(1) == inputs.y
            rows, total, inputs = rows[robust], total[robust], inputs.rows(robust)
            if not len(rows):
                break
            total = total + self._shortest(inputs, x_adv[robust], logits[robust])
        else:
            result[rows] = self._overshot(inputs.x, total)
        return result

    def _overshot(self, x: Tensor, total: Tensor) -> Tensor:
        return (x + (1 + self.overshoot) * total).clamp(0, 1)

    def _shortest(self, inputs: AttackInput, x: Tensor, logits: Tensor) -> Tensor:
        """The shortest step to a linearised boundary between the true and any other class."""
        least = torch.full((len(x),), torch.inf, device=x.device)
        shortest = torch.zeros_like(x)
        true_logit = logits.gather(1, inputs.y[:, None]).squeeze(1)
        for other in range(logits.shape[1]):
            labels = torch.stack([inputs.y, torch.full_like(inputs.y, other)], 1)
            gradient, _ = inputs.gradient(x, labels, logit_gap, self.samples)
            square = gradient.flatten(1).square().sum(1)
            gap = true_logit - logits[:, other]
            distance = gap / square.sqrt()
            nearer = (inputs.y != other) & (square > 0) & (distance < least)
            step = ((gap + GAP_GUARD) / square.clamp(min=SQUARE_GUARD)).view(-1, 1, 1, 1) * gradient
            shortest = torch.where(nearer.view(-1, 1, 1, 1), step, shortest)
            least = torch.where(nearer, distance, least)
        return shortest

"""CW-L2: the smallest L2 perturbation that fools the model, by Adam (Carlini and Wagner 2017). Unbounded.

Minimises ||x' - x||^2 + c max(z_y - max_{k != y} z_k + confidence, 0) over w, x' = (tanh(w) + 1) / 2,
without the search over c, as TAET and torchattacks run it (c 10, confidence 0, 100 steps of 0.01 there).
There is no eps: nearly every image can be fooled, and the share of "robust" images only says where the search
failed. The result is the median norm of the perturbations, which tables print beside that share.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from taet.adversary.norms import Norm, norm_of
from taet.adversary.objectives import margin
from taet.adversary.parts import AttackInput, GradientPart, Part
from taet.options import AttackOptions, Count, NonNegative, Positive

INSIDE = 1 - 1e-6  # keeps pixels off 0 and 1, where tanh has no inverse
BETAS, ADAM_GUARD = (0.9, 0.999), 1e-8


class Options(AttackOptions):
    c: Positive
    """Weight of the margin against the squared norm."""
    confidence: NonNegative
    """Margin by which the image should be misclassified, in logits."""
    steps: Count
    """Steps of Adam."""
    learning_rate: Positive
    """Of Adam."""

    def ball(self, eps: float) -> tuple[str, float | None]:
        return "l2", None


def parts(options: Options) -> tuple[Part, ...]:
    """The one search."""
    return (
        CarliniWagner("CW-L2", options.c, options.confidence, options.steps, options.learning_rate),
    )


@dataclass(frozen=True)
class CarliniWagner(GradientPart):
    """See the module."""

    title: str
    c: float
    confidence: float
    steps: int
    learning_rate: float
    norm: Norm = "l2"
    bounded: bool = False
    continues: bool = False

    def run(self, inputs: AttackInput) -> Tensor:
        """The nearest iterate that fools the model; the clean image where no iterate does."""
        nearest = inputs.x.clone()
        least = torch.full((len(nearest),), torch.inf, device=nearest.device)
        w = torch.atanh(INSIDE * (2 * inputs.x - 1))
        first, second = torch.zeros_like(w), torch.zeros_like(w)
        for step in range(1, self.steps + 1):
            x_adv = (w.tanh() + 1) / 2
            gradient, logits = inputs.gradient(x_adv, inputs.y, self._hinge, self.samples)
            distance = norm_of(x_adv - inputs.x, "l2")
            nearer = (logits.argmax(1) != inputs.y) & (distance < least)
            nearest[nearer], least[nearer] = x_adv[nearer], distance[nearer]
            slope = 2 * (x_adv - inputs.x) + self.c * gradient
            slope = slope * (1 - w.tanh().square()) / 2
            first = BETAS[0] * first + (1 - BETAS[0]) * slope
            second = BETAS[1] * second + (1 - BETAS[1]) * slope.square()
            scale = (second / (1 - BETAS[1] ** step)).sqrt() + ADAM_GUARD
            w = w - self.learning_rate * first / (1 - BETAS[0] ** step) / scale
        return nearest

    def _hinge(self, logits: Tensor, y: Tensor) -> Tensor:
        return (margin(logits, y) + self.confidence).clamp(min=0)

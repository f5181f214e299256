"""What attacks maximise: functions of logits [B, C] and labels [B] with a value for each image."""

from dataclasses import dataclass

import torch
from torch import Tensor

from taet.adversary.norms import TINY
from taet.losses import cross_entropy


@dataclass(frozen=True)
class CrossEntropy:
    """Cross-entropy of the logits times ``scale``; other scales than 1 are the logit scaling attack."""

    scale: float = 1.0

    def __call__(self, logits: Tensor, y: Tensor) -> Tensor:
        return cross_entropy(self.scale * logits if self.scale != 1 else logits, y)


@dataclass(frozen=True)
class Margin:
    """-max(z_y - max_{k != y} z_k + confidence, 0) (Carlini and Wagner 2017, f_6, for PGD)."""

    confidence: float

    def __call__(self, logits: Tensor, y: Tensor) -> Tensor:
        return -(margin(logits, y) + self.confidence).clamp(min=0)


@dataclass(frozen=True)
class DifferenceOfLogits:
    """DLR, untargeted: -(z_y - max_{k != y} z_k) / (z_1st - z_3rd) (Croce and Hein 2020, section 4)."""

    def __call__(self, logits: Tensor, y: Tensor) -> Tensor:
        return -margin(logits, y) / (_spread(logits, 1) + TINY)


@dataclass(frozen=True)
class TargetedDifferenceOfLogits:
    """DLR towards class t: -(z_y - z_t) / (z_1st - (z_3rd + z_4th) / 2) (Croce and Hein 2020, section 4.2).

    Labels and targets come together, [B, 2].
    """

    def __call__(self, logits: Tensor, y_and_target: Tensor) -> Tensor:
        return logit_gap(logits, y_and_target) / (_spread(logits, 2) + TINY)


def logit_gap(logits: Tensor, y_and_other: Tensor) -> Tensor:
    """z_k - z_y, [B], for labels y and another class k, [B, 2]; negative on the true class's side."""
    y, k = y_and_other.unbind(1)
    return (logits.gather(1, k[:, None]) - logits.gather(1, y[:, None])).squeeze(1)


def margin(logits: Tensor, y: Tensor) -> Tensor:
    """z_y - max_{k != y} z_k, [B]; negative where the image is misclassified."""
    true_logit = logits.gather(1, y[:, None]).squeeze(1)
    largest_other = logits.scatter(1, y[:, None], -torch.inf).amax(1)
    return true_logit - largest_other


def _spread(logits: Tensor, lower: int) -> Tensor:
    """Largest logit minus the mean of ``lower`` logits from the third largest on.

    Dividing by it makes DLR invariant to shifts and scales. With too few classes the mean is over fewer
    logits; with two classes there is no third logit and the spread is 1, which leaves the plain margin.
    """
    ordered = logits.sort(1, descending=True).values
    if logits.shape[1] < 3:
        return torch.ones_like(ordered[:, 0])
    return ordered[:, 0] - ordered[:, 2 : 2 + lower].mean(1)

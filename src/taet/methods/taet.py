"""TAET: two-stage adversarial equalization training (Wang et al., CVPR 2025).

Stage 1 (clean warm-up) is cross-entropy on clean images by default, as in the authors' code and overview
figure. A public note on the paper says adversarial images: for that, name a stabilization with ``pgd_at``.
Stage 2, this file, is hierarchical adversarial robust learning (HARL). ``harl`` combines
per-class losses on PGD images with weights alpha (BCL), beta (HDL) and gamma (RCEL), 0.1 each in the
authors' code. Stage 2 continues with the optimizer of stage 1, momentum included, though its loss is then
about a tenth of cross-entropy.

The authors' notebooks begin each step with an unused clean forward pass in train mode, which moves
batch-norm statistics (``extra_clean_forward``). Their training attack takes 10 steps of 0.003 in a ball of
0.031, which cannot reach its surface (``taet_faithful``).
Cost per step with K attack steps: K + 1 forward and K + 1 backward passes.
"""

from typing import Literal

import torch
from torch import Tensor

from taet.losses import cross_entropy
from taet.networks.network import Network
from taet.options import MethodOptions, NonNegative
from taet.training.class_sums import class_sums
from taet.training.method import Attacked, Batch, TrainingMethod

# The authors' guard against division by zero, in class means and shares.
HARL_GUARD = 1e-10


class Options(MethodOptions):
    alpha: NonNegative
    """Weight of BCL, the mean of the class losses."""
    beta: NonNegative
    """Weight of HDL, their variance."""
    gamma: NonNegative
    """Weight of RCEL, the sum of their squared shares."""
    absent_classes: Literal["zero", "skip"]
    """A class missing from a batch counts with loss zero (authors) or not at all."""
    extra_clean_forward: bool
    """One more forward pass, of the clean images, for its batch-norm statistics alone."""

    def problem(self) -> str | None:
        if self.alpha == self.beta == self.gamma == 0:
            return "alpha, beta and gamma are all 0, so there is nothing to train; set one above 0"
        return None

    def attack_passes(self, steps: int) -> tuple[float, float]:
        return steps + self.extra_clean_forward, steps


class Method(TrainingMethod):
    options: Options

    def attack(self, model: Network, batch: Batch) -> Attacked:
        if self.options.extra_clean_forward:
            with torch.no_grad():
                model(batch.x)
        return super().attack(model, batch)

    def loss(self, model: Network, batch: Batch, attacked: Attacked) -> Tensor:
        options = self.options
        return harl(
            cross_entropy(model(attacked.x), batch.y),
            batch.y,
            self.classes,
            options.alpha,
            options.beta,
            options.gamma,
            options.absent_classes,
        )


def harl(
    per_sample: Tensor,
    y: Tensor,
    classes: int,
    alpha: float,
    beta: float,
    gamma: float,
    absent_classes: str,
) -> Tensor:
    """Hierarchical adversarial robust learning loss of TAET, a scalar.

    With L_c the mean loss of class c in the batch:
    alpha * BCL + beta * HDL + gamma * RCEL, where BCL = mean_c L_c (balanced cross-class loss),
    HDL = mean_c (L_c - BCL)^2 (hierarchical deviation loss) and
    RCEL = sum_c (L_c / sum_k L_k)^2 (rare-class emphasis loss).

    Gradients flow through all three terms, including BCL inside HDL, as in the authors' code. A class
    whose loss is below BCL - alpha / (2 beta) has a negative weight in BCL and HDL: easy classes are
    unlearned. That is the published method, not a mistake here.

    Args:
        per_sample: [B] float32 losses, at least 0.
        y: [B] int64 labels, 0 to ``classes`` - 1.
        classes: number of classes C, those missing from the batch included.
        alpha: weight of BCL, at least 0.
        beta: weight of HDL, at least 0.
        gamma: weight of RCEL, at least 0.
        absent_classes: ``zero``: a class missing from the batch counts with loss 0 (the authors'
            code); ``skip``: it does not count.
    """
    losses, counts = class_losses(per_sample, y, classes)
    if absent_classes == "skip":
        losses = losses[counts > 0]
    bcl = losses.mean()
    hdl = (losses - bcl).square().mean()
    rcel = (losses / (losses.sum() + HARL_GUARD)).square().sum()
    return alpha * bcl + beta * hdl + gamma * rcel


def class_losses(per_sample: Tensor, y: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """Mean loss of each class in the batch and how many samples it has; [C] and [C].

    A class without samples has loss 0.
    """
    sums = class_sums(per_sample, y, classes)
    counts = class_sums(torch.ones_like(per_sample), y, classes)
    return sums / (counts + HARL_GUARD), counts

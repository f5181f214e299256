"""TAET: two-stage adversarial equalization training (Wang et al., CVPR 2025).

Stage 1 is a stabilization stage, by default cross-entropy on clean images (the authors' code and
overview figure; a public note on the paper says adversarial images: name a stabilization made with
``pgd_at`` for that). Stage 2, this file, is hierarchical adversarial robust learning (HARL): per-class
losses on PGD images, combined by ``taet.losses.harl`` with weights alpha (BCL), beta (HDL) and gamma
(RCEL); 0.1 each in the authors' code.

Where this differs from the authors' notebooks: the clean forward pass at the start of every step,
whose result they throw away, is not done (it also moves batch-norm statistics); the training attack
is the study's own, not 10 steps of 0.003 in a ball of 0.031.
Cost per step with K attack steps: K + 1 forward and K + 1 backward passes.
"""

from typing import Literal

from torch import Tensor, nn

from taet.losses import cross_entropy, harl
from taet.methods._base import Batch, TrainingMethod
from taet.options import MethodOptions, NonNegative


class Options(MethodOptions):
    alpha: NonNegative
    """Weight of BCL, the mean of the class losses."""
    beta: NonNegative
    """Weight of HDL, their variance."""
    gamma: NonNegative
    """Weight of RCEL, the sum of their squared shares."""
    absent_classes: Literal["zero", "skip"]
    """A class missing from a batch counts with loss zero (the authors' code) or not at all."""

    def problem(self) -> str | None:
        if self.alpha == self.beta == self.gamma == 0:
            return "alpha, beta and gamma are all 0, so there is nothing to train; set one above 0"
        return None


class Method(TrainingMethod):
    options: Options

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        logits = model(self.adversarial(model, batch))
        options = self.options
        return harl(
            cross_entropy(logits, batch.y),
            batch.y,
            self.classes,
            options.alpha,
            options.beta,
            options.gamma,
            options.absent_classes,
        )

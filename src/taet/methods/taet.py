"""TAET: two-stage adversarial equalization training (Wang et al., CVPR 2025).

Stage 1 (clean warm-up) is a job of its own, named by ``stabilization``: cross-entropy on clean images, as in
the authors' code and overview figure. A public note on the paper says adversarial images; for these, name a
stabilization that trains by ``pgd_at``. Stage 2, this file, is hierarchical adversarial robust learning
(HARL): per-class losses on PGD images, combined by ``taet.losses.harl`` with weights alpha (BCL), beta (HDL)
and gamma (RCEL), 0.1 each in the authors' code. Stage 2 continues with the optimiser of stage 1, momentum
included, though with such weights its loss is about a tenth of cross-entropy.

The authors' notebooks begin every step with a clean forward pass in train mode. Its result is discarded, but
it updates batch-norm statistics: ``extra_clean_forward``. Their training attack takes 10 steps of 0.003 in a
ball of radius 0.031, whose surface it cannot reach: ``taet_faithful``.
Cost per step with K attack steps: K + 1 forward and K + 1 backward passes (one more forward pass with
``extra_clean_forward``).
"""

from typing import Literal

import torch
from torch import Tensor

from taet.losses import cross_entropy, harl
from taet.networks.network import Network
from taet.options import MethodOptions, NonNegative
from taet.training.method import Attacked, Batch, TrainingMethod


class Options(MethodOptions):
    alpha: NonNegative
    """Weight of BCL, the mean of the class losses."""
    beta: NonNegative
    """Weight of HDL, their variance."""
    gamma: NonNegative
    """Weight of RCEL, the sum of their squared shares."""
    absent_classes: Literal["zero", "skip"]
    """A class missing from a batch counts with loss zero (the authors' code) or not at all."""
    extra_clean_forward: bool
    """Pass the clean images through the network first, for nothing but its batch-norm statistics."""

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

"""TRADES (Zhang et al. 2019), eq. 5: cross-entropy on clean images, plus beta KL(q(x) || q(x')).

Inner attack: PGD on that KL, labels unused; q(x) is computed once, without gradient. In the loss, gradients
flow through both branches, as in the authors' code. That code passes clean images twice in train mode, so
batch norm sees them twice; here one pass serves both terms.
Cost per step with K attack steps: K + 3 forward and K + 2 backward passes.
"""

from typing import ClassVar

import torch
from torch import Tensor

from taet.adversary.pgd import attack_mode
from taet.losses import cross_entropy, kl_divergence
from taet.networks.network import Network
from taet.options import MethodOptions, Positive
from taet.training.method import Attacked, Batch, TrainingMethod


class Options(MethodOptions):
    loss_passes: ClassVar[int] = 2

    beta: Positive
    """Weight of the KL term; authors: 6."""

    def attack_passes(self, steps: int) -> tuple[float, float]:
        return steps + 1, steps


class Method(TrainingMethod):
    options: Options

    def attack(self, model: Network, batch: Batch) -> Attacked:
        with attack_mode(model, self.setting.attack.batch_norm), torch.no_grad():
            clean = model(batch.x)
        return Attacked(self.perturb(model, batch, _divergence, target=clean))

    def loss(self, model: Network, batch: Batch, attacked: Attacked) -> Tensor:
        clean, adversarial = model(batch.x), model(attacked.x)
        kl = kl_divergence(clean, adversarial)
        return (cross_entropy(clean, batch.y) + self.options.beta * kl).mean()


def _divergence(logits: Tensor, clean: Tensor) -> Tensor:
    return kl_divergence(clean, logits)

"""GAIRAT: geometry-aware instance-reweighted adversarial training (Zhang et al. 2021), eq. 6.

kappa_i counts the iterates of the attack, start included, that are still classified correctly. An image
that breaks early is near the boundary and weighs more: omega_i = (1 + tanh(lambda + 5 (1 - 2 kappa_i / K)))
/ 2. Weights are scaled to mean 1 in the batch. The loss is mean omega_i CE(z(x'_i), y_i). Before
``begin_epoch`` it is PGD-AT. The inner attack is PGD on cross-entropy, which gives kappa for free.

The authors count epochs from 1 and begin at 60 of 120. Their code divides by floor(K / 2); here K / 2, as
in the paper. Known weakness: the gain largely vanishes under logit scaling attacks (Hitaj et al. 2021).
Cost per step with K attack steps: K + 1 forward and K + 1 backward passes.
"""

import torch
from torch import Tensor

from taet.losses import cross_entropy
from taet.networks.network import Network
from taet.options import MethodOptions, Number, Whole
from taet.training.method import Attacked, Batch, TrainingMethod


class Options(MethodOptions):
    lam: Number
    """lambda; -1 in paper and code. Larger is nearer to equal weights."""
    begin_epoch: Whole
    """First epoch, counted from 0, with weights (burn-in before)."""


class Method(TrainingMethod):
    options: Options

    def attack(self, model: Network, batch: Batch) -> Attacked:
        kappa = torch.zeros(len(batch.y), device=batch.y.device)

        def count(step: int, logits: Tensor) -> None:
            kappa.add_(logits.argmax(1) == batch.y)

        return Attacked(self.perturb(model, batch, watch=count), {"kappa": kappa})

    def loss(self, model: Network, batch: Batch, attacked: Attacked) -> Tensor:
        losses = cross_entropy(model(attacked.x), batch.y)
        if batch.epoch < self.options.begin_epoch:
            return losses.mean()
        kappa, steps = attacked.extras["kappa"], self.context.attack.steps
        return (geometry_weights(kappa, steps, self.options.lam) * losses).mean()


def geometry_weights(kappa: Tensor, steps: int, lam: float) -> Tensor:
    """omega, scaled to mean 1; [B].

    Args:
        kappa: [B], 0 to ``steps``.
    """
    # (1 + tanh(a)) / 2, in the form that does not round to zero.
    omega = torch.sigmoid(2 * (lam + 5 * (1 - 2 * kappa / steps)))
    return omega / omega.mean()

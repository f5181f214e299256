"""TRADES (Zhang et al. 2019), eq. 5: cross-entropy on clean images, plus beta KL(q(x) || q(x')).

Inner attack: PGD on that KL, labels unused; q(x) is computed once, without gradient. In the loss, gradients
flow through both branches, as in the authors' code. That code passes clean images twice in train mode, so
batch norm sees them twice; here one pass serves both terms.
Cost per step with K attack steps: K + 3 forward and K + 2 backward passes.
"""

from torch import Tensor

from taet.losses import cross_entropy, kl_divergence
from taet.networks.network import Network
from taet.options import OnTradesOptions, Positive
from taet.training.method import Attacked, Batch
from taet.training.on_trades import OnTrades


class Options(OnTradesOptions):
    beta: Positive
    """Weight of the KL term; authors: 6."""


class Method(OnTrades):
    options: Options

    def loss(self, model: Network, batch: Batch, attacked: Attacked) -> Tensor:
        clean, adversarial = model(batch.x), model(attacked.x)
        kl = kl_divergence(clean, adversarial)
        return (cross_entropy(clean, batch.y) + self.options.beta * kl).mean()

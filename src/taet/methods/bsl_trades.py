"""BSL-TRADES: TRADES with balanced softmax, a combination made in this project.

CE(z + tau log n, y) + beta KL(q(x) || q(x')), where only the first term of TRADES (Zhang et al. 2019) has the
prior. With ``fit: clean`` that term is on clean images and the inner attack is PGD on KL: TRADES with
balanced softmax. With ``fit: adversarial`` it is on adversarial images and the inner attack is PGD on
cross-entropy: AT-BSL plus beta KL.
Cost per step with K attack steps: K + 3 forward and K + 2 backward passes; K + 2 forward with ``fit:
adversarial``.
"""

from typing import Literal

from torch import Tensor

from taet.losses import balanced_softmax, kl_divergence
from taet.networks.network import Network
from taet.options import NonNegative, OnTradesOptions, Positive
from taet.training.method import Attacked, Batch
from taet.training.on_trades import OnTrades


class Options(OnTradesOptions):
    beta: Positive
    """Weight of the KL term."""
    tau: NonNegative
    """Weight of the log prior; 1 is balanced softmax."""
    fit: Literal["clean", "adversarial"]
    """Images of the first term, which also decide the inner attack."""

    def attack_passes(self, steps: int) -> tuple[float, float]:
        """One forward pass more for the clean images with ``fit: clean``."""
        return steps + (self.fit == "clean"), steps


class Method(OnTrades):
    options: Options

    def attack(self, model: Network, batch: Batch) -> Attacked:
        if self.options.fit == "adversarial":
            return Attacked(self.perturb(model, batch))
        return super().attack(model, batch)

    def loss(self, model: Network, batch: Batch, attacked: Attacked) -> Tensor:
        clean, adversarial = model(batch.x), model(attacked.x)
        fitted = clean if self.options.fit == "clean" else adversarial
        counts, tau = self.context.train_counts, self.options.tau
        fit = balanced_softmax(fitted, batch.y, counts, tau)
        return (fit + self.options.beta * kl_divergence(clean, adversarial)).mean()

"""The attack of TRADES, for it and for the methods that change either TRADES or PGD-AT."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from taet.adversary.pgd import attack_mode
from taet.losses import kl_divergence
from taet.networks.network import Network
from taet.training.method import Attacked, Batch, TrainingMethod

if TYPE_CHECKING:
    from taet.options import OnTradesOptions


class OnTrades(TrainingMethod):
    """PGD on KL(q(x) || q(x')) or, where the method is on PGD-AT (``beta`` is None), on cross-entropy."""

    options: "OnTradesOptions"

    def attack(self, model: Network, batch: Batch) -> Attacked:
        if self.options.beta is None:
            return super().attack(model, batch)
        with attack_mode(model, self.context.attack.batch_norm), torch.no_grad():
            clean = model(batch.x)
        return Attacked(self.perturb(model, batch, _divergence, target=clean))


def _divergence(logits: Tensor, clean: Tensor) -> Tensor:
    return kl_divergence(clean, logits)

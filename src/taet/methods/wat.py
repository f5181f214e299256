"""WAT: worst-class adversarial training (Li and Liu 2023), on TRADES.

Multiplicative weights over C + 1 losses: that of each class, and that of all images. After each epoch the
cost of each grows by the mean of CE(z(x), y) + beta KL(q(x) || q(x')) over its images. Its weight is
w = C exp(eta cost) / sum exp(eta cost); in the first epoch all are 1. The loss is the mean of
(w_y + w_all) (CE + beta KL), with the attack of TRADES.

The authors measure costs on held-out images under a further attack; here the epoch's training images are
measured under the training attack. The factor C is the code's. We divide a class's losses by its own images;
the code divides by N / C, which is right only in a balanced set. The cost of all images is their mean, so
frequent classes dominate it. A class without images in an epoch has no cost there.
Cost per step with K attack steps: K + 3 forward and K + 2 backward passes.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from taet.losses import cross_entropy, kl_divergence
from taet.networks.network import Network
from taet.options import OnTradesOptions, Positive
from taet.training.class_sums import class_sums
from taet.training.method import Attacked, Batch, TrainingContext
from taet.training.on_trades import OnTrades


class Options(OnTradesOptions):
    beta: Positive
    """Weight of the KL term; authors: 6."""
    eta: Positive
    """Rate of the weights; authors: 0.1."""


class Method(OnTrades):
    options: Options

    def __init__(self, options: Options, context: TrainingContext) -> None:
        super().__init__(options, context)
        device = context.train_counts.device
        # Images and losses of each class in this epoch so far; costs of the classes and of all images.
        self.sums = torch.zeros(self.classes, 2, dtype=torch.float64, device=device)
        self.costs = torch.zeros(self.classes + 1, dtype=torch.float64, device=device)
        # No part of the state: ``start_epoch`` computes them again from the costs.
        self.weights = torch.ones(self.classes + 1, device=device)

    def start_epoch(self, epoch: int) -> None:
        if not self.sums.any():
            return
        self.costs = self.costs + mean_losses(self.sums)
        weights = self.classes * (self.options.eta * self.costs).softmax(0)
        self.weights = weights.to(self.weights)
        self.sums = torch.zeros_like(self.sums)

    def loss(self, model: Network, batch: Batch, attacked: Attacked) -> Tensor:
        clean, adversarial = model(batch.x), model(attacked.x)
        kl = kl_divergence(clean, adversarial)
        losses = cross_entropy(clean, batch.y) + self.options.beta * kl
        attacked.extras["losses"] = losses.detach()
        return ((self.weights[batch.y] + self.weights[-1]) * losses).mean()

    def after_step(
        self, model: Network, batch: Batch, attacked: Attacked, learning_rate: float
    ) -> None:
        losses = attacked.extras["losses"].double()
        rows = torch.stack([torch.ones_like(losses), losses], dim=1)
        self.sums += class_sums(rows, batch.y, self.classes)

    def state(self) -> dict[str, Tensor]:
        return {"sums": self.sums, "costs": self.costs}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        self.sums, self.costs = state["sums"], state["costs"]


def mean_losses(sums: Tensor) -> Tensor:
    """Mean loss of each class and of all images, [C + 1]; 0 where there is no image.

    Args:
        sums: [C, 2], images and sum of losses of each class.
    """
    images, losses = torch.cat([sums, sums.sum(0, keepdim=True)]).unbind(1)
    return losses / images.clamp(min=1)

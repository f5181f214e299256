"""DAFA: distance-aware fair adversarial training (Lee et al. 2024), on TRADES or on PGD-AT.

p_i(j) is the mean probability of class j on adversarial training images of class i. The last epoch of a
warm-up without weights measures it. Then W_i = 1 + lam sum_j s_ij p_i(j) p_j(j) over j != i; s_ij is 1 if
class i is harder, p_i(i) < p_j(j), else -1. W_y multiplies radius and step size of the attack, and the
cross-entropy. The loss is mean (W_y CE(z(x), y) + beta KL(q(x) || q(x'))) on TRADES, mean W_y CE(z(x'), y)
on PGD-AT. Hard classes get a larger radius, at the expense of easy classes that resemble them. RobustLT
(``class_radius``) enlarges it for rare classes; CFA shrinks it for hard ones.

W is as in the authors' code, and the KL term has no weight there. With lam at most 1, W_i is at least
p_i(i), so no weight is negative. A class without images in the measured epoch has weight 1, and no other
weight counts it. After a stage 1 longer than the warm-up, the first epoch of stage 2 is measured. On PGD-AT
each iteration is one step. The authors' code adds a second one of the common size, projected onto the common
ball.
Cost per step with K attack steps (on PGD-AT 2 and 1 less): K + 3 forward and K + 2 backward passes.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from taet.losses import cross_entropy, kl_divergence
from taet.networks.network import Network
from taet.options import Count, OnTradesOptions, Positive, Share
from taet.training.class_sums import class_sums
from taet.training.method import Attacked, Batch, TrainingContext
from taet.training.on_trades import OnTrades


class Options(OnTradesOptions):
    beta: Positive | None
    """Weight of TRADES' KL term; authors: 6; null: on PGD-AT."""
    lam: Share
    """lambda, how far weights are from 1; authors: 1 on CIFAR-10."""
    begin_epoch: Count
    """First epoch, counted from 0, with weights; the one before it measures. Authors: 70 of 110."""


class Method(OnTrades):
    options: Options

    def __init__(self, options: Options, context: TrainingContext) -> None:
        super().__init__(options, context)
        # Of the measuring epoch: images of each class, and the sums of their probabilities.
        self.seen = torch.zeros_like(context.train_counts)
        self.probabilities = self.seen.new_zeros(self.classes, self.classes, dtype=torch.float64)
        self.measuring = False
        self.weights = torch.ones(self.classes, device=self.seen.device)

    def start_epoch(self, epoch: int) -> None:
        measured = bool(self.seen.any())
        self.measuring = epoch >= self.options.begin_epoch - 1 and not measured
        if measured and epoch >= self.options.begin_epoch:
            weights = class_weights(self.probabilities, self.seen, self.options.lam)
            self.weights = weights.to(self.weights)

    def budget(self, batch: Batch) -> tuple[float | Tensor, float | Tensor]:
        (eps, step_size), weights = super().budget(batch), self.weights[batch.y]
        return eps * weights, step_size * weights

    def loss(self, model: Network, batch: Batch, attacked: Attacked) -> Tensor:
        beta, weights = self.options.beta, self.weights[batch.y]
        if beta is None:
            adversarial = model(attacked.x)
            losses = weights * cross_entropy(adversarial, batch.y)
        else:
            clean, adversarial = model(batch.x), model(attacked.x)
            kl = kl_divergence(clean, adversarial)
            losses = weights * cross_entropy(clean, batch.y) + beta * kl
        attacked.extras["probabilities"] = adversarial.detach().softmax(1)
        return losses.mean()

    def after_step(
        self, model: Network, batch: Batch, attacked: Attacked, learning_rate: float
    ) -> None:
        if not self.measuring:
            return
        probabilities = attacked.extras["probabilities"].double()
        self.seen += class_sums(torch.ones_like(batch.y), batch.y, self.classes)
        self.probabilities += class_sums(probabilities, batch.y, self.classes)

    def state(self) -> dict[str, Tensor]:
        return {"seen": self.seen, "probabilities": self.probabilities}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        self.seen, self.probabilities = state["seen"], state["probabilities"]


def class_weights(probabilities: Tensor, seen: Tensor, lam: float) -> Tensor:
    """W, [C].

    Args:
        probabilities: [C, C], sum over the images of each class (rows) of the probability of each class.
        seen: [C], images of each class; one without any has weight 1 and changes no other.
        lam: 0 to 1.
    """
    mean = probabilities / seen.clamp(min=1)[:, None]
    own = mean.diagonal()
    sign = torch.where(own[:, None] < own[None, :], 1.0, -1.0)
    gains = sign * mean * own[None, :]
    counts = (seen[:, None] > 0) & (seen[None, :] > 0)
    counts.fill_diagonal_(False)
    return 1 + lam * (gains * counts).sum(1)

"""FRL: fair robust learning (Xu et al. 2021), on TRADES, by reweighting and remargining.

Of class k, e_k is the clean error, and b_k the boundary error: the share that is correct, but not under
attack. After each epoch lambda_k grows by rate (e_k - mean e - clean_bound). mu_k grows by
2 rate (b_k - mean b - boundary_bound). Negative ones become 0, and each sum is limited. Reweight: the loss
is sum (w_y CE(z(x), y) + beta v_y KL(q(x) || q(x'))) / sum (w_y + v_y). Here w_k = 1/C + lambda_k - mean
lambda, and v_k likewise of mu. Remargin: the radius is exp(2 phi_k) eps, at least 0.98 eps, where phi_k
grows by radius_rate (b_k - mean b - boundary_bound). Like DAFA, it enlarges the radius of hard classes;
CFA shrinks it. The factors 2 and 0.98 are the code's.

The authors fine-tune a network of PGD-AT, here stage 1. They measure it, and after each epoch the next one,
on held-out images under PGD-20 with radius eps. Here the epoch's training images are measured under the
training attack, so a larger radius raises b_k itself. The first epoch has equal weights. Their means are over
all images of balanced sets; ours are over classes, so that rare classes count as much. A class without
images in an epoch changes nothing. The paper's bounds are 0.05 or 0.07, the code's 0.1. The code limits the
radius at 3, in Remargin alone at 2.5.
Cost per step with K attack steps: K + 3 forward and K + 2 backward passes.
"""

from collections.abc import Mapping
from typing import Annotated

import torch
from torch import Tensor

from taet.losses import cross_entropy, kl_divergence
from taet.networks.network import Network
from taet.options import Count, Field, NonNegative, OnTradesOptions, Positive, Share
from taet.training.class_sums import class_sums
from taet.training.method import Attacked, Batch, TrainingContext
from taet.training.on_trades import OnTrades

SMALLEST_RADIUS = 0.98  # relative to eps, in the authors' code
BOUNDARY_RATE = 2  # of the multipliers, relative to those of clean errors, in the authors' code


class Options(OnTradesOptions):
    beta: Positive
    """Weight of the KL term; authors: 1."""
    clean_bound: Share
    """How far a class's clean error may exceed the mean; paper: 0.05 or 0.07, code: 0.1."""
    boundary_bound: Share
    """The same for the boundary error."""
    rate: NonNegative
    """Rate of the multipliers, at first; 0: no Reweight. Authors: 0.05."""
    halving_epochs: Count
    """Epochs after which the rate is halved, again and again; authors: 40 of 120."""
    multiplier_limit: Annotated[Share, Field(lt=1)]
    """Largest sum of the multipliers of one error; below 1, so that weights are positive. Authors: 0.5."""
    radius_rate: NonNegative
    """Rate of phi; 0: no Remargin. Authors: 0.1."""
    radius_limit: Annotated[Positive, Field(ge=1)]
    """Largest radius relative to eps; code: 3, for Remargin alone 2.5."""


class Method(OnTrades):
    options: Options

    def __init__(self, options: Options, context: TrainingContext) -> None:
        super().__init__(options, context)
        device = context.train_counts.device
        # Of each class in this epoch so far: images, correct ones, correct ones under attack.
        self.sums = torch.zeros(self.classes, 3, dtype=torch.float64, device=device)
        # lambda and mu: of clean and of boundary errors.
        self.multipliers = torch.zeros(2, self.classes, device=device)
        self.phi = torch.zeros(self.classes, device=device)
        self.updates = torch.zeros((), dtype=torch.int64, device=device)

    def start_epoch(self, epoch: int) -> None:
        if not self.sums.any():
            return
        bounds = (self.options.clean_bound, self.options.boundary_bound)
        excess = excesses(self.sums, bounds).to(self.phi)
        rate = self.options.rate * 0.5 ** (self.updates // self.options.halving_epochs)
        step = rate * excess.new_tensor([[1], [BOUNDARY_RATE]]) * excess
        self.multipliers = limited(self.multipliers + step, self.options.multiplier_limit)
        self.phi = self.phi + self.options.radius_rate * excess[1]
        self.updates = self.updates + 1
        self.sums = torch.zeros_like(self.sums)

    def budget(self, batch: Batch) -> tuple[float | Tensor, float | Tensor]:
        (eps, step_size), factors = super().budget(batch), (2 * self.phi).exp()
        return eps * factors.clamp(SMALLEST_RADIUS, self.options.radius_limit)[batch.y], step_size

    def loss(self, model: Network, batch: Batch, attacked: Attacked) -> Tensor:
        clean, adversarial = model(batch.x), model(attacked.x)
        attacked.extras["correct"] = [
            logits.detach().argmax(1) == batch.y for logits in (clean, adversarial)
        ]
        clean_weights, boundary_weights = class_weights(self.multipliers)[:, batch.y]
        fit = clean_weights * cross_entropy(clean, batch.y)
        boundary = boundary_weights * kl_divergence(clean, adversarial)
        total = (clean_weights + boundary_weights).sum()
        return (fit + self.options.beta * boundary).sum() / total

    def after_step(
        self, model: Network, batch: Batch, attacked: Attacked, learning_rate: float
    ) -> None:
        counted = [torch.ones_like(batch.y), *attacked.extras["correct"]]
        self.sums += class_sums(torch.stack(counted, dim=1).double(), batch.y, self.classes)

    def state(self) -> dict[str, Tensor]:
        return {name: getattr(self, name) for name in STATE}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        for name in STATE:
            setattr(self, name, state[name])


STATE = ("sums", "multipliers", "phi", "updates")


def excesses(sums: Tensor, bounds: tuple[float, float]) -> Tensor:
    """How far clean and boundary error of each class exceed their mean over classes plus a bound, [2, C].

    Args:
        sums: [C, 3], images of each class, correct ones, correct ones under attack; at least one class has
            an image. A class without images exceeds by 0.
        bounds: of the clean and of the boundary error.
    """
    images, correct, robust = sums.unbind(1)
    errors = torch.stack([images - correct, correct - robust]) / images.clamp(min=1)
    seen = images > 0
    mean = (errors * seen).sum(1, keepdim=True) / seen.sum()
    return (errors - mean - errors.new_tensor(bounds)[:, None]) * seen


def limited(multipliers: Tensor, limit: float) -> Tensor:
    """Not below 0, and scaled so that neither row has a larger sum than ``limit``; [2, C]."""
    positive = multipliers.clamp(min=0)
    total = positive.sum(1, keepdim=True)
    return torch.where(total > limit, limit * positive / total.clamp(min=limit), positive)


def class_weights(multipliers: Tensor) -> Tensor:
    """1/C + lambda_k - mean lambda, for clean and boundary errors, [2, C]; each row has the sum 1."""
    classes = multipliers.shape[1]
    return 1 / classes + multipliers - multipliers.sum(1, keepdim=True) / classes

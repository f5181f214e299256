"""REAT: re-balancing adversarial training (Li, Xu and Zhang 2023).

The outer loss is balanced softmax on PGD images plus TAIL, a term on the features of tail classes. The
inner attack maximizes cross-entropy weighted by class (RBL). In the epoch before, a_c adversarial
images were classified as c. With b = (n_c - 1) / n_c, E_c = (1 - b^a_c) / (1 - b). Weights are
1 / (E_c + 1e-5), scaled to sum C.

The weight multiplies an image's own loss. With sign steps in eval mode this has no effect: a test finds the
adversarial images of plain cross-entropy, bit for bit. TAIL has two forms. ``batch_mean`` is the authors'
code, where a reduction argument averages the divergence over batch and features to one small number per
tail image. ``per_pair`` is one divergence for each pair, as the paper reads. The signs are the code's.
Cost per step with K attack steps: K + 1 forward and K + 1 backward passes.
"""

from collections.abc import Mapping
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from taet.losses import balanced_softmax, cross_entropy
from taet.networks.network import Network
from taet.options import MethodOptions, NonNegative
from taet.training.method import Attacked, Batch, TrainingContext, TrainingMethod

WEIGHT_GUARD = 1e-5  # the authors' guard against an effective number of 0


class Options(MethodOptions):
    tail: NonNegative
    """Weight of TAIL; authors: 1."""
    tail_reduction: Literal["batch_mean", "per_pair"]
    """How divergences are reduced: as coded, or one for each pair of images."""


class Method(TrainingMethod):
    options: Options

    def __init__(self, options: Options, context: TrainingContext) -> None:
        super().__init__(options, context)
        # a_c of the epoch before (n_c in the first one), and of this epoch so far.
        self.last_predicted = context.train_counts.float()
        self.predicted = torch.zeros_like(self.last_predicted)
        self.first = True
        # Changes in place, as ``perturb`` demands.
        self.weights = torch.empty_like(self.last_predicted)

    def start_epoch(self, epoch: int) -> None:
        if not self.first:
            self.last_predicted = self.predicted
            self.predicted = torch.zeros_like(self.predicted)
        self.first = False
        self.weights.copy_(balance_weights(self.last_predicted, self.context.train_counts))

    def attack(self, model: Network, batch: Batch) -> Attacked:
        return Attacked(self.perturb(model, batch, self._weighted))

    def _weighted(self, logits: Tensor, y: Tensor) -> Tensor:
        return self.weights[y] * cross_entropy(logits, y)

    def loss(self, model: Network, batch: Batch, attacked: Attacked) -> Tensor:
        features = model.features(attacked.x)
        counts, logits = self.context.train_counts, model.head(features)
        attacked.extras["predicted"] = logits.detach().argmax(1)
        fit = balanced_softmax(logits, batch.y, counts, 1.0).mean()
        tail = tail_loss(features, batch.y, counts, self.options.tail_reduction)
        return fit + self.options.tail * tail

    def after_step(
        self, model: Network, batch: Batch, attacked: Attacked, learning_rate: float
    ) -> None:
        self.predicted += torch.bincount(attacked.extras["predicted"], minlength=self.classes)

    def state(self) -> dict[str, Tensor]:
        return {
            "last_predicted": self.last_predicted,
            "predicted": self.predicted,
            "first": torch.tensor(self.first),
        }

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        self.last_predicted, self.predicted = state["last_predicted"], state["predicted"]
        self.first = bool(state["first"])


def balance_weights(predicted: Tensor, train_counts: Tensor) -> Tensor:
    """RBL's class weights, [C], with the sum C.

    Args:
        predicted: [C] adversarial images that the network classified as each class in the epoch before.
        train_counts: [C] training images.
    """
    n = train_counts.double()
    b = (n - 1) / n
    effective = (1 - b ** predicted.double()) / (1 - b)
    weights = 1 / (effective + WEIGHT_GUARD)
    return (len(n) * weights / weights.sum()).float()


def tail_loss(features: Tensor, y: Tensor, train_counts: Tensor, reduction: str) -> Tensor:
    """TAIL, a scalar: mean over tail images b and all images j of sign_bj weight_bj KL_bj.

    Tail: the rarest third of the classes by training images, from rank 2 floor(C/3) + 1 on (0 is the most
    frequent class); none where C is 3. The authors' code takes the last labels, which in its data are the
    rarest. sign is -1 within a class and +1 between classes; weight_bj = sqrt(N / n_b) + sqrt(N / n_j); KL_bj
    is between the softmax of the features of b, without gradient, and of j.

    Args:
        features: [B, D].
        reduction: ``batch_mean``: KL_bj is the same for all j, its mean over images *and* features;
            ``per_pair``: as above.
    """
    classes = len(train_counts)
    rank = train_counts.argsort(descending=True, stable=True).argsort()
    tail = (rank[y] >= classes // 3 * 2 + 1).nonzero().squeeze(1)
    if len(tail) == 0:
        return features.sum() * 0
    log_p = F.log_softmax(features, 1)
    anchor = log_p[tail].detach()
    kl = (anchor.exp() * anchor).sum(1, keepdim=True) - anchor.exp() @ log_p.T
    if reduction == "batch_mean":
        kl = kl.mean(1, keepdim=True) / features.shape[1]
    scale = (train_counts.sum() / train_counts).sqrt()[y]
    sign = torch.where(y[tail][:, None] == y[None, :], -1.0, 1.0)
    weight = scale[tail][:, None] + scale[None, :]
    return (kl * sign * weight).mean()

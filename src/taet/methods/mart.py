"""MART: misclassification-aware adversarial training (Wang et al. 2020), eq. 11.

mean BCE(x', y) + beta mean[(1 - q_y(x)) KL(q(x) || q(x'))], with the boosted cross-entropy BCE. Gradients
flow through the weight (1 - q_y(x)) and through q(x), as in the authors' code. Inner attack: PGD on
cross-entropy.
Cost per step with K attack steps: K + 2 forward and K + 2 backward passes.
"""

from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor

from taet.losses import cross_entropy
from taet.networks.network import Network
from taet.options import MethodOptions, Positive
from taet.training.method import Attacked, Batch, TrainingMethod

# The authors' guards against log 0, a weight of exactly 0, and a largest other probability of 1.
LOG_GUARD, WEIGHT_GUARD, GAP_GUARD = 1e-12, 1e-7, 1.0001


class Options(MethodOptions):
    loss_passes: ClassVar[int] = 2

    beta: Positive
    """Weight of the KL term; authors: 5 (ResNet-18), 6 (WideResNet)."""


class Method(TrainingMethod):
    options: Options

    def loss(self, model: Network, batch: Batch, attacked: Attacked) -> Tensor:
        return mart(model(batch.x), model(attacked.x), batch.y, self.options.beta)


def mart(clean: Tensor, adversarial: Tensor, y: Tensor, beta: float) -> Tensor:
    """MART's loss, a scalar, from clean and adversarial logits [B, C]."""
    p, p_adv = F.softmax(clean, 1), F.softmax(adversarial, 1)
    kl = (p * (F.log_softmax(clean, 1) - (p_adv + LOG_GUARD).log())).sum(1)
    weight = 1 + WEIGHT_GUARD - p.gather(1, y[:, None]).squeeze(1)
    return (boosted_cross_entropy(adversarial, y) + beta * weight * kl).mean()


def boosted_cross_entropy(logits: Tensor, y: Tensor) -> Tensor:
    """-log p_y - log(1.0001 - max_{k != y} p_k + 1e-12), per sample.

    MART (Wang et al. 2020), eq. 8; the constants are those of the authors' code.
    """
    p = F.softmax(logits, 1)
    largest_other = p.scatter(1, y[:, None], 0).amax(1)
    return cross_entropy(logits, y) - (GAP_GUARD - largest_other + LOG_GUARD).log()

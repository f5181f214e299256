"""AT-BSL: adversarial training with balanced softmax (Yue et al. 2024).

The inner attack maximizes plain cross-entropy. The outer loss is CE(z(x_adv) + tau log n, y), with tau = 1
in paper and code. Inference uses the raw logits. The authors' augmentations (AutoAugment, RandAugment) are
``training.augmentation``.
Cost per step with K attack steps: K + 1 forward and K + 1 backward passes.
"""

from torch import Tensor

from taet.losses import balanced_softmax
from taet.networks.network import Network
from taet.options import MethodOptions, NonNegative
from taet.training.method import Attacked, Batch, TrainingMethod


class Options(MethodOptions):
    tau: NonNegative
    """Weight of the log prior; 1 is AT-BSL."""


class Method(TrainingMethod):
    options: Options

    def loss(self, model: Network, batch: Batch, attacked: Attacked) -> Tensor:
        counts, tau = self.context.train_counts, self.options.tau
        return balanced_softmax(model(attacked.x), batch.y, counts, tau).mean()

"""PGD-AT: adversarial training (Madry et al. 2018), eq. 2.1: cross-entropy on PGD images only.

Inner attack: PGD on cross-entropy. Cost per step with K attack steps: K + 1 forward and K + 1
backward passes.
"""

from torch import Tensor, nn

from taet.losses import cross_entropy
from taet.methods._base import Batch, TrainingMethod
from taet.options import MethodOptions


class Options(MethodOptions):
    pass


class Method(TrainingMethod):
    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        return cross_entropy(model(self.adversarial(model, batch)), batch.y).mean()

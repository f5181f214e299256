"""PGD-AT: adversarial training (Madry et al. 2018), eq. 2.1: cross-entropy on PGD images only.

Inner attack: PGD on cross-entropy. The authors' code starts uniformly in the ball and attacks in train mode
(``pgd_at_faithful``). The common protocol attacks in eval mode, as the field does today.
Cost per step with K attack steps: K + 1 forward and K + 1 backward passes.
"""

from torch import Tensor

from taet.losses import cross_entropy
from taet.networks.network import Network
from taet.options import MethodOptions
from taet.training.method import Attacked, Batch, TrainingMethod


class Options(MethodOptions):
    pass


class Method(TrainingMethod):
    def loss(self, model: Network, batch: Batch, attacked: Attacked) -> Tensor:
        return cross_entropy(model(attacked.x), batch.y).mean()

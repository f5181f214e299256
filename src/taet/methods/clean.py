"""Clean training: cross-entropy on clean images, no attack.

Not a defense: the reference for what robustness costs, and the default stage 1 of TAET.
Cost per step: 1 forward and 1 backward pass.
"""

from torch import Tensor

from taet.losses import cross_entropy
from taet.networks.network import Network
from taet.options import MethodOptions
from taet.training.method import Attacked, Batch, TrainingMethod


class Options(MethodOptions):
    def attack_passes(self, steps: int) -> tuple[float, float]:
        return 0, 0


class Method(TrainingMethod):
    def attack(self, model: Network, batch: Batch) -> Attacked:
        return Attacked(batch.x)

    def loss(self, model: Network, batch: Batch, attacked: Attacked) -> Tensor:
        return cross_entropy(model(attacked.x), batch.y).mean()

"""Clean training: cross-entropy on clean images, no attack.

Not a defense: the reference for what robustness costs, and the default stage 1 of TAET.
Cost per step: 1 forward and 1 backward pass.
"""

from torch import Tensor, nn

from taet.losses import cross_entropy
from taet.methods._base import Batch, TrainingMethod
from taet.options import MethodOptions


class Options(MethodOptions):
    pass


class Method(TrainingMethod):
    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        return cross_entropy(model(batch.x), batch.y).mean()

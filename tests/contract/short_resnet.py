"""The smallest network with all that a large one has: folded batch norm, a shortcut, a head of the method's kind."""

import torch
from torch import Tensor

from taet.architectures.resnet18 import BasicBlock
from taet.compute.folding import ConvNorm
from taet.networks.backbone import Backbone
from taet.networks.heads import build_head
from taet.networks.network import Network
from taet.training.method import TrainingMethod


class ShortResNet(Backbone):
    """First convolution and one block of a ResNet, for images of one channel."""

    features = 16

    def __init__(self) -> None:
        super().__init__()
        self.stem = ConvNorm(1, 8, 3)
        self.block = BasicBlock(8, self.features, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.block(self.stem.activated(x)).mean((2, 3))


def short_resnet(method: TrainingMethod) -> Network:
    """The same first weights in every call."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        backbone = ShortResNet()
        return Network(backbone, build_head(method.head, backbone.features, method.classes), None)

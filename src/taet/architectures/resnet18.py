"""ResNet-18 with the CIFAR stem (He et al. 2016; 3x3 first convolution, no max-pooling).

11,173,962 weights at width 64, 3 channels, 10 classes, as in the code of AT-BSL, REAT and others.
Widths 8 and 16 make studies on a CPU possible.
"""

from typing import Literal

from torch import Tensor, nn

from taet.compute.folding import ConvNorm
from taet.networks.backbone import Backbone
from taet.options import ModelOptions, ResidualWidth


class Options(ModelOptions):
    width: ResidualWidth
    """Channels of the first stage; 64 is ResNet-18."""
    stem_stride: Literal[1, 2]
    """Stride of the first convolution; 2 quarters the cost, and the resolution (CPU studies)."""


def build(options: Options, channels: int, size: int) -> Backbone:
    """The network for images of ``channels`` x any size from 8 on."""
    return ResNet18(options.width, options.stem_stride, channels)


class ResNet18(Backbone):
    def __init__(self, width: int, stem_stride: int, channels: int) -> None:
        super().__init__()
        self.stem = ConvNorm(channels, width, 3, stem_stride)
        blocks, inputs = [], width
        for stage in range(4):
            outputs = width * 2**stage
            blocks += [
                BasicBlock(inputs, outputs, 2 if stage else 1),
                BasicBlock(outputs, outputs, 1),
            ]
            inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.features = inputs

    def forward(self, x: Tensor) -> Tensor:
        return self.blocks(self.stem.activated(x)).mean((2, 3))


class BasicBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = ConvNorm(inputs, outputs, 3, stride)
        self.second = ConvNorm(outputs, outputs, 3)
        changes = stride != 1 or inputs != outputs
        self.shortcut = ConvNorm(inputs, outputs, 1, stride) if changes else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.second.activated(self.first.activated(x), self.shortcut(x))

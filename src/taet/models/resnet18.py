"""ResNet-18 with the CIFAR stem (He et al. 2016; 3x3 first convolution, no max-pooling).

11,173,962 weights at width 64, 3 channels, 10 classes, as in the code of AT-BSL, REAT and others.
Widths 8 and 16 make studies on a CPU possible.
"""

from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from taet.models._base import Backbone
from taet.options import Count, ModelOptions


class Options(ModelOptions):
    width: Count
    """Channels of the first stage; 64 is ResNet-18."""
    stem_stride: Literal[1, 2]
    """Stride of the first convolution; 2 quarters the cost, and the resolution (CPU studies)."""


def build(options: Options, channels: int, size: int) -> Backbone:
    """The network for images of ``channels`` x any size from 8 on."""
    return ResNet18(options.width, options.stem_stride, channels)


class ResNet18(Backbone):
    def __init__(self, width: int, stem_stride: int, channels: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(channels, width, 3, stride=stem_stride, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)
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
        return self.blocks(F.relu(self.norm(self.stem(x)))).mean((2, 3))


class BasicBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.norm2(self.conv2(out)) + self.shortcut(x))

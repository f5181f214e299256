"""Pre-activation residual networks (He et al. 2016b): what PreActResNet and WideResNet share."""

import torch.nn.functional as F
from torch import Tensor, nn

from taet.compute.folding import ConvNorm
from taet.networks.backbone import Backbone


class PreActBlock(nn.Module):
    """norm - relu - conv - norm - relu - conv, plus the input.

    Where the shape changes, the shortcut is a 1x1 convolution of the activated input.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(inputs)
        self.first = ConvNorm(inputs, outputs, 3, stride)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        changes = stride != 1 or inputs != outputs
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False) if changes else None

    def forward(self, x: Tensor) -> Tensor:
        active = F.relu(self.norm(x))
        out = self.second(self.first.activated(active))
        return out + (x if self.shortcut is None else self.shortcut(active))


class PreActNet(Backbone):
    """3x3 stem, stages of blocks, norm - relu - global average.

    Args:
        stages: (outputs, stride, blocks) of each stage.
    """

    def __init__(self, stem: int, stages: list[tuple[int, int, int]], channels: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(channels, stem, 3, padding=1, bias=False)
        blocks, inputs = [], stem
        for outputs, stride, count in stages:
            for i in range(count):
                blocks.append(PreActBlock(inputs, outputs, 1 if i else stride))
                inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.norm = nn.BatchNorm2d(inputs)
        self.features = inputs

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.blocks(self.stem(x)))).mean((2, 3))

"""Networks under the names that the field's checkpoints have, written from the papers; only names are borrowed."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def conv(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)


class PostBlock(nn.Module):
    """conv - norm - relu - conv - norm, plus the input, relu (He et al. 2016)."""

    def __init__(self, inputs: int, outputs: int, stride: int, shortcut: str) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv(inputs, outputs, 3, stride), nn.BatchNorm2d(outputs)
        self.conv2, self.bn2 = conv(outputs, outputs, 3), nn.BatchNorm2d(outputs)
        self.name = shortcut
        if stride > 1 or inputs != outputs:
            norm = nn.BatchNorm2d(outputs)
            self.add_module(shortcut, nn.Sequential(conv(inputs, outputs, 1, stride), norm))

    def forward(self, x: Tensor) -> Tensor:
        direct = getattr(self, self.name)(x) if hasattr(self, self.name) else x
        return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))) + direct)


class ResNet(nn.Module):
    def __init__(
        self, width: int, classes: int, shortcut: str, head: str, channels: int = 3
    ) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv(channels, width, 3), nn.BatchNorm2d(width)
        inputs = width
        for stage in range(4):
            outputs, stride = width * 2**stage, 2 if stage else 1
            first = PostBlock(inputs, outputs, stride, shortcut)
            second = PostBlock(outputs, outputs, 1, shortcut)
            self.add_module(f"layer{stage + 1}", nn.Sequential(first, second))
            inputs = outputs
        self.head = head
        self.add_module(head, nn.Linear(inputs, classes))

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(x)))
        for stage in range(4):
            x = getattr(self, f"layer{stage + 1}")(x)
        return getattr(self, self.head)(x.mean((2, 3)))


class PreBlock(nn.Module):
    """norm - relu - conv - norm - relu - conv, plus the input (He et al. 2016b)."""

    def __init__(self, inputs: int, outputs: int, stride: int, shortcut: str) -> None:
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(inputs), conv(inputs, outputs, 3, stride)
        self.bn2, self.conv2 = nn.BatchNorm2d(outputs), conv(outputs, outputs, 3)
        self.name = shortcut
        if stride > 1 or inputs != outputs:
            direct = conv(inputs, outputs, 1, stride)
            self.add_module(shortcut, nn.Sequential(direct) if shortcut == "shortcut" else direct)

    def forward(self, x: Tensor) -> Tensor:
        active = F.relu(self.bn1(x))
        direct = getattr(self, self.name)(active) if hasattr(self, self.name) else x
        return self.conv2(F.relu(self.bn2(self.conv1(active)))) + direct


class PreActResNet(nn.Module):
    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.conv1 = conv(3, width, 3)
        inputs = width
        for stage in range(4):
            outputs, stride = width * 2**stage, 2 if stage else 1
            blocks = [PreBlock(inputs, outputs, stride, "shortcut")]
            blocks.append(PreBlock(outputs, outputs, 1, "shortcut"))
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))
            inputs = outputs
        self.bn, self.linear = nn.BatchNorm2d(inputs), nn.Linear(inputs, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x)
        for stage in range(4):
            x = getattr(self, f"layer{stage + 1}")(x)
        return self.linear(F.relu(self.bn(x)).mean((2, 3)))


class Stage(nn.Module):
    def __init__(self, blocks: int, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        first = PreBlock(inputs, outputs, stride, "convShortcut")
        rest = [PreBlock(outputs, outputs, 1, "convShortcut") for _ in range(blocks - 1)]
        self.layer = nn.Sequential(first, *rest)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)


class WideResNet(nn.Module):
    """With the block of TRADES' code that is not used."""

    def __init__(self, depth: int, widen: int, classes: int) -> None:
        super().__init__()
        blocks = (depth - 4) // 6
        self.conv1 = conv(3, 16, 3)
        self.block1 = Stage(blocks, 16, 16 * widen, 1)
        self.sub_block1 = Stage(blocks, 16, 16 * widen, 1)
        self.block2 = Stage(blocks, 16 * widen, 32 * widen, 2)
        self.block3 = Stage(blocks, 32 * widen, 64 * widen, 2)
        self.bn1, self.fc = nn.BatchNorm2d(64 * widen), nn.Linear(64 * widen, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.block3(self.block2(self.block1(self.conv1(x))))
        return self.fc(F.relu(self.bn1(x)).mean((2, 3)))


class Normalized(nn.Module):
    """A network behind a normalisation with buffers, as RobustBench's models have it."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.register_buffer("mu", torch.tensor([0.4, 0.5, 0.6]).view(1, 3, 1, 1))
        self.register_buffer("sigma", torch.tensor([0.2, 0.25, 0.3]).view(1, 3, 1, 1))
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        return self.model((x - self.mu) / self.sigma)

"""Convolution and batch norm in one: with fixed statistics, two linear maps are a single one.

An attack that leaves batch norm in eval mode passes the same weights many times. Folding the norm into the
convolution before it is the same function up to float32 rounding, without the norm's passes over memory.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ConvNorm(nn.Module):
    """A convolution without bias, then batch norm; one convolution inside ``folded``.

    Args:
        inputs: channels.
        outputs: channels.
        kernel: pixels on each side, an odd number; padded to keep the size.
        stride: of the convolution.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(outputs)
        self.folded: tuple[Tensor, Tensor] | None = None

    def forward(self, x: Tensor) -> Tensor:
        if self.folded is None:
            result: Tensor = self.norm(self.conv(x))
            return result
        weight, bias = self.folded
        return F.conv2d(x, weight, bias, self.conv.stride, self.conv.padding)

    @torch.no_grad()
    def fold(self) -> None:
        """Keep weight and bias of the one convolution, in the type that autocast would turn them into."""
        norm, weight = self.norm, self.conv.weight
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        bias = norm.bias - norm.running_mean * scale
        folded = (weight * scale.view(-1, 1, 1, 1)).contiguous(memory_format=torch.channels_last)
        device = weight.device.type
        if torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device):
            dtype = torch.get_autocast_dtype(device)
            folded, bias = folded.to(dtype), bias.to(dtype)
        self.folded = folded, bias


@contextmanager
def folded(model: nn.Module) -> Iterator[None]:
    """Fold every ``ConvNorm`` of a model in eval mode; may be nested.

    Inside, its weights must not change, and do not get gradients.
    """
    pairs = [m for m in model.modules() if isinstance(m, ConvNorm) and m.folded is None]
    for pair in pairs:
        pair.fold()
    try:
        yield
    finally:
        for pair in pairs:
            pair.folded = None

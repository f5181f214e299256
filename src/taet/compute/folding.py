"""Convolution and batch norm as one convolution: with fixed statistics, both are linear.

An attack that leaves batch norm in eval mode uses the same weights many times. Folding the norm into the
convolution before it gives the same function up to float32 rounding, without the norm's passes over memory.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ConvNorm(nn.Module):
    """A convolution without bias, then batch norm; inside ``folded``, one convolution.

    Args:
        inputs: channels.
        outputs: channels.
        kernel: pixels on each side, odd; padded so that stride 1 keeps the image size.
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

    def activated(self, x: Tensor, added: Tensor | None = None) -> Tensor:
        """relu(self(x) + added); if folded and on a GPU, in one kernel.

        Args:
            added: of the result's shape; None for nothing.
        """
        if self.folded is not None and x.is_cuda:
            dtype = _autocast_dtype(x) or self.folded[0].dtype
            weight, bias = (part.to(dtype) for part in self.folded)
            conv = self.conv
            result: Tensor = _ConvRelu.apply(
                x.to(dtype), weight, bias, added, conv.stride, conv.padding
            )
            return result
        y = self(x)
        return F.relu(y if added is None else y + added)

    @torch.no_grad()
    def fold(self) -> None:
        """Store weight and bias of the one convolution, in the type that autocast would convert them to."""
        norm, weight = self.norm, self.conv.weight
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        bias = norm.bias - norm.running_mean * scale
        folded = (weight * scale.view(-1, 1, 1, 1)).contiguous(memory_format=torch.channels_last)
        if dtype := _autocast_dtype(weight):
            folded, bias = folded.to(dtype), bias.to(dtype)
        self.folded = folded, bias


def _autocast_dtype(like: Tensor) -> torch.dtype | None:
    """The type that autocast would convert a convolution's inputs to; None if it is off."""
    device = like.device.type
    if torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device):
        return torch.get_autocast_dtype(device)
    return None


class _ConvRelu(torch.autograd.Function):
    """relu(convolution + bias + added), by cuDNN in one kernel; no gradient of the weights.

    torch's autograd knows no such kernel: it would run three, each with its own pass over memory.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
        added: Tensor | None,
        stride: tuple[int, int],
        padding: tuple[int, int],
    ) -> Tensor:
        shape = (stride, padding, (1, 1), 1)
        if added is None:
            result = torch.cudnn_convolution_relu(x, weight, bias, *shape)
        else:
            result = torch.cudnn_convolution_add_relu(x, weight, added, 1.0, bias, *shape)
        ctx.save_for_backward(x, weight, result)
        ctx.stride, ctx.padding, ctx.has_added = stride, padding, added is not None
        return result

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, result = ctx.saved_tensors
        gradient = torch.ops.aten.threshold_backward(gradient, result, 0)
        input_gradient, _, _ = torch.ops.aten.convolution_backward(
            gradient, x, weight, None, ctx.stride, ctx.padding, (1, 1), False, (0, 0), 1,
            (True, False, False),
        )  # fmt: skip
        return input_gradient, None, None, gradient if ctx.has_added else None, None, None


@contextmanager
def folded(model: nn.Module) -> Iterator[None]:
    """Inside the block, every ``ConvNorm`` of a model in eval mode is folded; may be nested.

    Inside, weights must not change and get no gradients.
    """
    unfolded = [m for m in model.modules() if isinstance(m, ConvNorm) and m.folded is None]
    for conv_norm in unfolded:
        conv_norm.fold()
    try:
        yield
    finally:
        for conv_norm in unfolded:
            conv_norm.folded = None

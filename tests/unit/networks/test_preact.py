"""The shortcut of a pre-activation block is the input as it came, or a convolution of the activated input."""

import torch
import torch.nn.functional as F

from taet.networks.preact import PreActBlock

X = torch.randn(2, 3, 6, 6, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def block(outputs: int, stride: int) -> PreActBlock:
    """In eval mode, where fresh batch norm changes nothing but for its eps; the convolutions give 0."""
    layer = PreActBlock(3, outputs, stride).eval()
    for conv in (layer.first.conv, layer.second):
        conv.weight.zero_()
    return layer


def test_same_shape() -> None:
    torch.testing.assert_close(block(3, 1)(X), X)


def test_another_shape() -> None:
    layer = block(5, 2)
    assert layer.shortcut is not None
    active = F.relu(X / (1 + layer.norm.eps) ** 0.5)
    expected = F.conv2d(active, layer.shortcut.weight, stride=2)
    torch.testing.assert_close(layer(X), expected)

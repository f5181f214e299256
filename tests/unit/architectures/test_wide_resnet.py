"""First weights of WideResNet: He's normal distribution over outputs, biases of the head 0."""

import pytest
import torch
from torch import nn

from taet.architectures.wide_resnet import WideResNet


def test_first_weights() -> None:
    torch.manual_seed(0)
    made = WideResNet(2, 1, 3)
    convs = [module for module in made.modules() if isinstance(module, nn.Conv2d)]
    assert [conv.out_channels for conv in convs if conv.kernel_size == (3, 3)] == [
        16, 32, 32, 64, 64, 128, 128,
    ]  # fmt: skip
    for conv in convs:
        fan_out = conv.out_channels * conv.kernel_size[0] ** 2
        assert conv.weight.std().item() == pytest.approx((2 / fan_out) ** 0.5, rel=0.15)
    head = nn.Linear(made.features, 10)
    made.init_head(head)
    assert not head.bias.any()

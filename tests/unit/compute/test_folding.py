"""A folded convolution is the same function, where batch norm's eps matters, too."""

import torch

from taet.compute.folding import ConvNorm, folded


def test_same_function() -> None:
    torch.manual_seed(0)
    pair = ConvNorm(2, 3, 3, stride=2).double().eval()
    with torch.no_grad():
        for value in (pair.norm.weight, pair.norm.bias, pair.norm.running_mean):
            value.normal_()
        pair.norm.running_var.copy_(torch.tensor([1e-5, 1.0, 4.0]))
    x = torch.randn(4, 2, 5, 5).double()
    plain = pair(x)
    with folded(pair):
        torch.testing.assert_close(pair(x), plain, rtol=1e-9, atol=1e-9)
    assert torch.equal(pair(x), plain)

"""Shared batch norm of a single process is torch's own."""

import pytest
import torch
from torch import nn

from taet.training import parallel
from taet.training.parallel import SharedBatchNorm


def test_shared_batch_norm_of_one_is_torchs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Outputs, gradients, and running statistics, whose variance is that of a sample."""
    monkeypatch.setattr(parallel, "_summed", torch.clone)
    generator = torch.Generator().manual_seed(0)
    x = 3 * torch.randn(4, 3, 2, 2, generator=generator) + 1
    upstream = torch.randn(4, 3, 2, 2, generator=generator)
    results = []
    for kind in (nn.BatchNorm2d, SharedBatchNorm):
        norm, given = kind(3), x.clone().requires_grad_()
        with torch.no_grad():
            norm.weight.copy_(torch.tensor([1.0, 2.0, -1.0]))
        y = norm(given)
        y.backward(upstream)
        results.append(
            (y.detach(), given.grad, norm.weight.grad, norm.running_mean, norm.running_var)
        )
    for theirs, ours in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs)

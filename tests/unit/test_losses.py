"""Losses that methods share, against known vectors and literal formulas."""

import math

import pytest
import torch

from taet.losses import balanced_softmax, cross_entropy


def test_balanced_softmax_vector() -> None:
    loss = balanced_softmax(torch.zeros(1, 2), torch.tensor([1]), torch.tensor([5000, 500]), 1.0)
    assert loss.item() == pytest.approx(2.397895, abs=1e-6)


def test_balanced_softmax_limits() -> None:
    torch.manual_seed(0)
    logits, y = torch.randn(32, 10, dtype=torch.float64), torch.randint(0, 10, (32,))
    counts = torch.tensor([5000 // (c + 1) for c in range(10)])
    plain = cross_entropy(logits, y)
    torch.testing.assert_close(balanced_softmax(logits, y, torch.full((10,), 7), 1.0), plain)
    torch.testing.assert_close(balanced_softmax(logits, y, counts, 0.0), plain)
    priors = counts.double() / counts.sum()
    torch.testing.assert_close(
        balanced_softmax(logits, y, counts, 1.0), balanced_softmax(logits, y, priors, 1.0)
    )


def test_balanced_softmax_against_the_literal_formula() -> None:
    logits = torch.tensor([[0.3, -1.2, 2.0]], dtype=torch.float64)
    counts = [100, 10, 1]
    weights = [n**0.5 * math.exp(z) for n, z in zip(counts, logits[0].tolist(), strict=True)]
    expected = -math.log(weights[1] / sum(weights))
    ours = balanced_softmax(logits, torch.tensor([1]), torch.tensor(counts), 0.5)
    assert ours.item() == pytest.approx(expected, rel=1e-12)

"""Properties that hold for any input: of losses, metrics, index lists and attacks."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from taet.adversary.evaluation import evaluate
from taet.data.imageset import NO_SPLIT
from taet.data.longtail import pools
from taet.losses import balanced_softmax, cross_entropy, kl_divergence
from taet.methods.las_at import smoothed_cross_entropy
from taet.methods.mart import boosted_cross_entropy
from taet.methods.taet import class_losses, harl
from taet.scores.metrics import balanced_accuracy, class_groups, recalls, worst_case
from taet.study.params.blocks import Params

CLASSES = 5
LOSSES = {
    "cross entropy": cross_entropy,
    "balanced softmax": lambda z, y: balanced_softmax(z, y, torch.arange(1, CLASSES + 1), 1.0),
    "smoothed": lambda z, y: smoothed_cross_entropy(z, y, 0.7),
    "boosted": boosted_cross_entropy,
    "divergence": lambda z, y: kl_divergence(z, z.roll(1, 1)),
}

seeds = st.integers(0, 2**31 - 1)


def batch(seed: int, size: int, spread: float) -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(seed)
    logits = spread * torch.randn(size, CLASSES, generator=rng, dtype=torch.float64)
    return logits, torch.randint(CLASSES, (size,), generator=rng)


@pytest.mark.parametrize("name", LOSSES)
@given(seeds, st.integers(1, 20), st.sampled_from([1e-3, 1.0, 30.0, 1e4]), st.floats(-100, 100))
def test_losses(name: str, seed: int, size: int, spread: float, shift: float) -> None:
    logits, y = batch(seed, size, spread)
    logits.requires_grad_()
    loss = LOSSES[name](logits, y)
    assert loss.shape == (size,)
    # MART's constant 1.0001 lets its second term be negative, by as much.
    assert torch.isfinite(loss).all()
    assert (loss >= -1.1e-4).all()
    (gradient,) = torch.autograd.grad(loss.sum(), logits)
    assert torch.isfinite(gradient).all()
    # Of softmax: a constant on all logits changes nothing, and the gradient sums to 0.
    shifted = LOSSES[name](logits.detach() + shift, y)
    torch.testing.assert_close(shifted, loss.detach(), rtol=1e-9, atol=1e-9 * max(1.0, spread))
    assert gradient.sum(1).abs().max() < 1e-9 * max(1.0, gradient.abs().max().item())
    # Each sample by itself, whoever is beside it.
    order = torch.randperm(size, generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(LOSSES[name](logits[order], y[order]), loss[order])


@given(seeds, st.integers(1, 20), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_harl(seed: int, size: int, alpha: float, beta: float, gamma: float) -> None:
    logits, y = batch(seed, size, 3.0)
    per_sample = cross_entropy(logits, y)
    weights = (alpha, beta, gamma)
    value = harl(per_sample, y, CLASSES, *weights, "zero")
    order = torch.randperm(size, generator=torch.Generator().manual_seed(seed))
    again = harl(per_sample[order], y[order], CLASSES, *weights, "zero")
    torch.testing.assert_close(value, again)
    assert torch.isfinite(value)
    assert value >= -1e-12
    # Linear in its weights.
    parts = [
        harl(per_sample, y, CLASSES, *(float(i == k) for i in range(3)), "zero") for k in range(3)
    ]
    torch.testing.assert_close(value, sum(w * p for w, p in zip(weights, parts, strict=True)))
    means, counts = class_losses(per_sample, y, CLASSES)
    assert counts.tolist() == np.bincount(y.numpy(), minlength=CLASSES).tolist()
    assert ((means * counts).sum() - per_sample.sum()).abs() < 1e-6 * max(1.0, per_sample.sum())


labelled = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=60
)


@given(labelled, seeds)
def test_metrics(rows: list[tuple[int, int, int]], seed: int) -> None:
    labels, first, second = (np.array(column) for column in zip(*rows, strict=True))
    order = np.random.default_rng(seed).permutation(len(labels))
    values = []
    for take in (np.arange(len(labels)), order):
        worst = worst_case([first[take], second[take]], labels[take])
        right = worst == labels[take]
        assert (right == ((first == labels) & (second == labels))[take]).all()
        recall, images = recalls(right, labels[take], CLASSES)
        values.append(balanced_accuracy(recall, images, range(CLASSES)))
        for alone in (first, second):
            recall, images = recalls((alone == labels)[take], labels[take], CLASSES)
            assert values[-1].value <= balanced_accuracy(recall, images, range(CLASSES)).value
    assert values[0] == pytest.approx(values[1])
    assert 0 <= values[0].value <= 1
    assert 0 < values[0].standard_error <= 0.5


@given(
    st.lists(st.integers(1, 500), min_size=3, max_size=30),
    st.floats(0.05, 0.45),
    st.floats(0.05, 0.45),
)
def test_groups(counts: list[int], head: float, tail: float) -> None:
    groups = class_groups(counts, head, tail)
    everyone = [c for members in groups.values() for c in members]
    assert sorted(everyone) == list(range(len(counts)))
    if {"head", "tail"} <= set(groups):
        assert min(counts[c] for c in groups["head"]) >= max(counts[c] for c in groups["tail"])


@given(st.lists(st.integers(3, 40), min_size=1, max_size=6), st.integers(1, 2), seeds)
def test_pools(sizes: list[int], held_out: int, seed: int) -> None:
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    none = np.full(len(labels), NO_SPLIT, dtype=np.uint8)
    draws = [
        pools(labels, none, len(sizes), held_out, np.random.default_rng(seed)) for _ in range(2)
    ]
    for train, test in draws:
        assert [len(t) for t in test] == [held_out] * len(sizes)
        for c, (of_train, of_test) in enumerate(zip(train, test, strict=True)):
            assert set(labels[of_train]) | set(labels[of_test]) == {c}
            assert sorted([*of_train, *of_test]) == list(np.flatnonzero(labels == c))
    assert all((a == b).all() for a, b in zip(draws[0][0], draws[1][0], strict=True))


def network(seed: int) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(nn.Flatten(), nn.Linear(27, 12), nn.Tanh(), nn.Linear(12, 4)).eval()


@settings(max_examples=15)
@given(seeds, st.floats(1e-4, 0.99), st.integers(1, 9), st.integers(4, 12))
def test_attacks(digits: Params, seed: int, eps: float, batch_size: int, images: int) -> None:
    """Verdicts are an image's own; what is bounded stays inside (``taet.adversary.checks.verify`` stops it else)."""
    rng = torch.Generator().manual_seed(seed)
    x, y = torch.rand(images, 3, 3, 3, generator=rng), torch.arange(images) % 4
    few = {"fgsm": {}, "pgd20": {"steps": 3}, "cw20": {"steps": 3}, "lsa": {"steps": 2}}
    few |= {
        "apgd_ce_t": {"steps": 5, "targets": 3},
        "autoattack_l2": {"steps": 3, "targets": 3, "queries": 20},
    }
    attacks = {
        name: digits.attacks[name].model_copy(update=changes) for name, changes in few.items()
    }
    model = network(seed)

    def verdicts(rows: Tensor, size: int) -> dict[str, SimpleNamespace]:
        found = evaluate(
            model, x[rows], y[rows], attacks, eps=eps, batch_size=size, seed=seed, classes=4, index=rows
        )  # fmt: skip
        assert (found.clean == model(x[rows]).argmax(1)).all()
        return found.verdicts

    rows = torch.arange(images)
    order = torch.randperm(images, generator=rng)
    one, other = verdicts(rows, batch_size), verdicts(order, images)
    for name, verdict in one.items():
        assert (verdict.prediction[order] == other[name].prediction).all(), name
        if verdict.eps is not None:
            assert (verdict.distance <= verdict.eps + 1e-6).all(), name
        fooled = (verdict.prediction != y) & (model(x).argmax(1) == y)
        assert ((verdict.broken_by >= 0) == fooled).all(), name
        assert not math.isnan(verdict.distance.sum().item())

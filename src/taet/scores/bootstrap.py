"""Intervals from resampled test images and seeds.

All methods of a study see the same seeds, the same training images and the same test images, so differences
are taken seed by seed and image by image: what is common to both sides cancels. Needs no torch.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from taet.scores.metrics import Array, alike


@dataclass(frozen=True)
class Seed:
    """One seed of a data set, imbalance ratio and architecture, on one test set.

    Attributes:
        index: [N] which image of the data set each is, ascending.
        labels: [N] true classes.
        correct: [N] bool, for each method and attack; the same images for all.
        scopes: classes by name, such as ``all`` and ``tail``; which classes are rare may depend on the seed.
    """

    index: Array
    labels: Array
    correct: Mapping[tuple[str, str], Array]
    scopes: Mapping[str, Sequence[int]]


@dataclass(frozen=True)
class Resampled:
    """Balanced accuracy of every method and attack on the classes of one scope.

    Attributes:
        exact: [seeds, pairs], on the images as they are.
        draws: [draws, pairs], means over seeds with seeds and images resampled: the two levels of the
            bootstrap. Methods and attacks are in the order of ``Seed.correct``.
    """

    exact: Array
    draws: Array


def resample(seeds: Sequence[Seed], draws: int, rng: np.random.Generator) -> dict[str, Resampled]:
    """The bootstrap over seeds and images, for every scope.

    All methods, attacks and scopes see the same resampled seeds and images. Where all seeds are tested on
    the same images (a data set's own test set), seeds and images are crossed: a resample of images is one
    for all seeds. Where each seed has test images of its own, images are nested in seeds, each with its own
    resample; the scatter of seeds then has the images' in it already, so intervals are a little too wide,
    which makes up for some of what few seeds take away. Seeds that share some of their images, as in the
    long-tailed test set of a data set's own test set, are taken as if they shared none.

    Args:
        seeds: with the same methods, attacks and scopes.
        draws: how often to resample.

    Returns:
        By scope; without those of which a seed has no test image.
    """
    crossed = all(np.array_equal(seed.index, seeds[0].index) for seed in seeds)
    sources = (
        [rng.integers(2**63)] * len(seeds) if crossed else rng.integers(2**63, size=len(seeds))
    )
    by_class = [
        class_draws(seed, draws, np.random.default_rng(source))
        for seed, source in zip(seeds, sources, strict=True)
    ]
    picked = rng.integers(0, len(seeds), (len(seeds), draws))
    # A seed that is picked twice must not bring the same images twice, where they are its own.
    order = np.arange(draws)
    orders = [order if crossed else rng.permutation(order) for _ in seeds]
    result = {}
    for scope in seeds[0].scopes:
        if not all(_present(seed, seed.scopes[scope]) for seed in seeds):
            continue
        exact = np.stack([_balanced(seed, seed.scopes[scope]) for seed in seeds])
        stacked = np.stack(
            [
                drawn[_present(seed, seed.scopes[scope])].mean(0)
                for seed, drawn in zip(seeds, by_class, strict=True)
            ]
        )
        pairs = zip(picked, orders, strict=True)
        resampled = np.mean([stacked[row, order] for row, order in pairs], axis=0)
        result[scope] = Resampled(exact, resampled)
    return result


def class_draws(seed: Seed, draws: int, rng: np.random.Generator) -> Array:
    """Recall of each class under resampled images, [classes, draws, pairs].

    Stratified: each class keeps its number of images. NaN for classes without an image.

    The verdicts on n images, drawn again, scatter by less than those on n new images, and not at all where n
    is 1. So what is drawn is how far the mean of n verdicts is from that of all, out of the images of those
    classes that show it (``taet.scores.metrics.alike``: the class alone, if it has ten) and two more. Each
    method is right on one of these two, and in each draw chance says on which. The variance is that of
    ``taet.scores.metrics.variances``; in the table of two methods the two add half an image to each of the
    four cells (Agresti and Min 2005).
    """
    table = np.stack(list(seed.correct.values()), axis=1).astype(np.float64)
    classes = 1 + max(c for members in seed.scopes.values() for c in members)
    images = np.bincount(seed.labels, minlength=classes)
    result = np.full((classes, draws, table.shape[1]), np.nan)
    for c, together in enumerate(alike(tuple(images.tolist()))):
        if n := images[c]:
            verdicts = table[np.isin(seed.labels, np.flatnonzero(together))]
            result[c] = table[seed.labels == c].mean(0) + _deviations(verdicts, n, draws, rng)
    return result


def _deviations(verdicts: Array, n: int, draws: int, rng: np.random.Generator) -> Array:
    """How far the mean of n verdicts is from that of all, [draws, pairs]; two verdicts are added to all."""
    count = len(verdicts) + 2
    picked = rng.integers(0, count, (draws, n)) + count * np.arange(draws)[:, None]
    times = np.bincount(picked.ravel(), minlength=draws * count).reshape(draws, count)
    # Which of the two is the right one.
    first = rng.random((draws, verdicts.shape[1])) < 0.5
    added = np.where(first, times[:, -2:-1], times[:, -1:])
    deviations: Array = (times[:, :-2] @ verdicts + added) / n - (verdicts.sum(0) + 1) / count
    return deviations


def interval(draws: Array, confidence: float) -> tuple[float, float]:
    """Percentiles of the bootstrap."""
    low, high = np.quantile(draws, [0.5 - confidence / 2, 0.5 + confidence / 2])
    return float(low), float(high)


def intervals(
    resampled: Mapping[str, Resampled], pairs: Sequence[tuple[str, str]], confidence: float
) -> Iterator[dict[str, Any]]:
    """Every method under every attack: one row for each scope.

    Args:
        resampled: see ``resample``.
        pairs: method and attack, in the order of ``Seed.correct``.
        confidence: level of the intervals.

    Returns:
        Rows with ``method``, ``attack``, ``scope``, ``seeds``, ``balanced_accuracy`` (a share, mean over
        seeds), ``low``, ``high`` (bootstrap over seeds and images).
    """
    for i, (method, attack) in enumerate(pairs):
        for scope, values in resampled.items():
            low, high = np.clip(interval(values.draws[:, i], confidence), 0, 1).tolist()
            yield {
                "method": method,
                "attack": attack,
                "scope": scope,
                "seeds": len(values.exact),
                "balanced_accuracy": float(values.exact[:, i].mean()),
                "low": low,
                "high": high,
            }


def contrasts(
    resampled: Mapping[str, Resampled], pairs: Sequence[tuple[str, str]], confidence: float
) -> Iterator[dict[str, Any]]:
    """Every pair of methods: one row for each scope and attack.

    With few seeds these intervals are too narrow; ``taet.scores.tukey`` has those to decide by.

    Args:
        resampled: see ``resample``.
        pairs: method and attack, in the order of ``Seed.correct``.
        confidence: level of the intervals.

    Returns:
        Rows with ``attack``, ``scope``, ``method``, ``other``, ``seeds``, ``difference`` (method minus
        other, a share), ``low``, ``high`` (bootstrap over seeds and images).
    """
    column = {pair: i for i, pair in enumerate(pairs)}
    methods, attacks = (list(dict.fromkeys(names)) for names in zip(*pairs, strict=True))
    for scope, values in resampled.items():
        for attack in attacks:
            for method, other in combinations(methods, 2):
                a, b = column[method, attack], column[other, attack]
                low, high = interval(values.draws[:, a] - values.draws[:, b], confidence)
                yield {
                    "attack": attack,
                    "scope": scope,
                    "method": method,
                    "other": other,
                    "seeds": len(values.exact),
                    "difference": float((values.exact[:, a] - values.exact[:, b]).mean()),
                    "low": low,
                    "high": high,
                }


def _present(seed: Seed, members: Sequence[int]) -> list[int]:
    """The classes among ``members`` that have an image."""
    with_images = set(np.unique(seed.labels).tolist())
    return [c for c in members if c in with_images]


def _balanced(seed: Seed, members: Sequence[int]) -> Array:
    """Balanced accuracy of every method and attack on the images as they are, [pairs]."""
    table = np.stack(list(seed.correct.values()), axis=1)
    recall = [table[seed.labels == c].mean(0) for c in _present(seed, members)]
    return np.mean(recall, axis=0)  # type: ignore[no-any-return]

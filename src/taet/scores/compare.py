"""Which differences between methods mean something: bootstrap over images and seeds, paired tests, power.

All methods of a study see the same seeds, the same training images and the same test images, so differences
are taken seed by seed and image by image: what is common to both sides cancels. Needs no torch.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import combinations
from typing import Any

import numpy as np
from scipy import optimize, stats

Array = np.ndarray[Any, Any]
POWER = 0.8
MOST_SEEDS = 1000
MOST_EFFECT = 1000.0  # above what two seeds need at any confidence in use
NO_SPREAD = 1e-9  # of differences between shares: equal, but for rounding


@dataclass(frozen=True)
class Seed:
    """One seed of one place (data set, imbalance ratio, architecture) in one test set.

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
            bootstrap. Methods and attacks stand in the order of ``Seed.correct``.
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
    """
    table = np.stack(list(seed.correct.values()), axis=1).astype(np.float64)
    classes = 1 + max(c for members in seed.scopes.values() for c in members)
    result = np.full((classes, draws, table.shape[1]), np.nan)
    for c in range(classes):
        images = np.flatnonzero(seed.labels == c)
        if n := len(images):
            picked = rng.integers(0, n, (draws, n)) + n * np.arange(draws)[:, None]
            counts = np.bincount(picked.ravel(), minlength=draws * n).reshape(draws, n)
            result[c] = counts @ table[images] / n
    return result


def interval(draws: Array, confidence: float) -> tuple[float, float]:
    """Percentiles of the bootstrap."""
    low, high = np.quantile(draws, [0.5 - confidence / 2, 0.5 + confidence / 2])
    return float(low), float(high)


def holm(p: Sequence[float]) -> list[float]:
    """p-values corrected for their number (Holm 1979); NaN stays NaN and does not count."""
    order = [i for i in np.argsort(p) if not np.isnan(p[i])]
    result, highest = [float("nan")] * len(p), 0.0
    for place, i in enumerate(order):
        highest = max(highest, min(1.0, (len(order) - place) * p[i]))
        result[i] = highest
    return result


def paired_p(differences: Sequence[float]) -> float:
    """Two-sided p of a paired t-test over seeds.

    NaN where it says nothing: with fewer than two seeds, or where all differ by the same, which a few test
    images can bring about by chance.
    """
    if len(differences) < 2:
        return float("nan")
    if np.ptp(differences) < NO_SPREAD:
        return 1.0 if abs(differences[0]) < NO_SPREAD else float("nan")
    return float(stats.ttest_1samp(differences, 0).pvalue)


def seeds_needed(mean: float, sd: float, confidence: float) -> int | None:
    """Fewest seeds at which a paired t-test finds such a difference with a power of 80 %.

    None for more than 1000, and where nothing can be said (no spread known, no difference).
    """
    if not (sd > NO_SPREAD and abs(mean) > NO_SPREAD):
        return None
    # More seeds find smaller effects: halve the interval in which the answer lies.
    enough = partial(_finds, abs(mean) / sd, confidence)
    first = 2 + bisect_left(range(2, MOST_SEEDS + 1), True, key=enough)
    return first if first <= MOST_SEEDS else None


def _finds(effect: float, confidence: float, seeds: int) -> bool:
    return effect >= least_effect(seeds, confidence)


@cache
def least_effect(seeds: int, confidence: float) -> float:
    """The difference, in standard deviations, that a paired t-test with so many seeds finds with a power
    of 80 %."""
    critical = stats.t.ppf(0.5 + confidence / 2, seeds - 1)

    def lack(effect: float) -> float:
        return float(stats.nct.sf(critical, seeds - 1, effect * seeds**0.5)) - POWER

    return float(optimize.brentq(lack, 0, MOST_EFFECT))


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
        for scope, found in resampled.items():
            low, high = interval(found.draws[:, i], confidence)
            yield {
                "method": method,
                "attack": attack,
                "scope": scope,
                "seeds": len(found.exact),
                "balanced_accuracy": float(found.exact[:, i].mean()),
                "low": low,
                "high": high,
            }


def contrasts(
    resampled: Mapping[str, Resampled],
    pairs: Sequence[tuple[str, str]],
    confidence: float,
) -> Iterator[dict[str, Any]]:
    """Every pair of methods: one row for each scope and attack, p-values corrected within it.

    Args:
        resampled: see ``resample``.
        pairs: method and attack, in the order of ``Seed.correct``.
        confidence: level of the intervals.

    Returns:
        Rows with ``attack``, ``scope``, ``method``, ``other``, ``seeds``, ``difference`` (method minus
        other, a share), ``low``, ``high`` (bootstrap over seeds and images), ``sd`` (over seeds), ``p``
        (paired t-test over seeds), ``p_holm``, ``seeds_needed``.
    """
    place = {pair: i for i, pair in enumerate(pairs)}
    methods, attacks = (list(dict.fromkeys(names)) for names in zip(*pairs, strict=True))
    for scope, found in resampled.items():
        for attack in attacks:
            rows = [
                {
                    "attack": attack,
                    "scope": scope,
                    "method": method,
                    "other": other,
                    **_contrast(found, place[method, attack], place[other, attack], confidence),
                }
                for method, other in combinations(methods, 2)
            ]
            corrected = holm([row["p"] for row in rows])
            for row, p in zip(rows, corrected, strict=True):
                yield {**row, "p_holm": p}


def _contrast(found: Resampled, a: int, b: int, confidence: float) -> dict[str, Any]:
    """One method and attack against another; columns of both."""
    differences = found.exact[:, a] - found.exact[:, b]
    mean, seeds = float(differences.mean()), len(differences)
    sd = float(np.std(differences, ddof=1)) if seeds > 1 else float("nan")
    low, high = interval(found.draws[:, a] - found.draws[:, b], confidence)
    return {
        "seeds": seeds,
        "difference": mean,
        "low": low,
        "high": high,
        "sd": sd,
        "p": paired_p(differences.tolist()),
        "seeds_needed": seeds_needed(mean, sd, confidence),
    }


def _present(seed: Seed, members: Sequence[int]) -> list[int]:
    """The classes among ``members`` that have an image."""
    there = set(np.unique(seed.labels).tolist())
    return [c for c in members if c in there]


def _balanced(seed: Seed, members: Sequence[int]) -> Array:
    """Balanced accuracy of every method and attack on the images as they are, [pairs]."""
    table = np.stack(list(seed.correct.values()), axis=1)
    recall = [table[seed.labels == c].mean(0) for c in _present(seed, members)]
    return np.mean(recall, axis=0)  # type: ignore[no-any-return]

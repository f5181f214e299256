"""Which differences between methods mean something: bootstrap over images and seeds, paired tests, power.

All methods of a study see the same seeds, the same training images and the same test images, so differences
are taken seed by seed and image by image: what is common to both sides cancels. Needs no torch.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from scipy import stats

Array = np.ndarray[Any, Any]
POWER = 0.8
MOST_SEEDS = 1000


@dataclass(frozen=True)
class Seed:
    """One seed of one place (data set, imbalance ratio, architecture) in one test view.

    Attributes:
        labels: [N] true classes.
        correct: [N] bool, for each method and attack; the same images for all.
        scopes: classes by name, such as ``all`` and ``tail``; which classes are rare may depend on the seed.
    """

    labels: Array
    correct: Mapping[tuple[str, str], Array]
    scopes: Mapping[str, Sequence[int]]


def balanced_draws(
    seed: Seed, members: Sequence[int], draws: int, rng: np.random.Generator
) -> Array:
    """Balanced accuracy of every method and attack under resampled images, [draws, pairs].

    Stratified: each class keeps its number of images. All methods and attacks see the same resampled
    images, in the order of ``seed.correct``.

    Args:
        members: classes that count; those without an image are left out.
        draws: how often to resample.
    """
    classes = [np.flatnonzero(seed.labels == c) for c in members]
    classes = [images for images in classes if len(images)]
    table = np.stack(list(seed.correct.values()), axis=1).astype(np.float64)
    total = np.zeros((draws, table.shape[1]))
    for images in classes:
        n = len(images)
        picked = rng.integers(0, n, (draws, n)) + n * np.arange(draws)[:, None]
        counts = np.bincount(picked.ravel(), minlength=draws * n).reshape(draws, n)
        total += counts @ table[images] / n
    return total / max(len(classes), 1)


def over_seeds(per_seed: Sequence[Array], rng: np.random.Generator) -> Array:
    """Means over seeds that are resampled too, [draws, ...]: the two levels of the bootstrap."""
    stacked = np.stack(per_seed)
    count, draws = stacked.shape[:2]
    picked = rng.integers(0, count, (count, draws))
    return np.mean([stacked[picked[i], np.arange(draws)] for i in range(count)], axis=0)  # type: ignore[no-any-return]


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
    """Two-sided p of a paired t-test over seeds; NaN with fewer than two."""
    if len(differences) < 2:
        return float("nan")
    if np.ptp(differences) == 0:
        return 1.0 if differences[0] == 0 else 0.0
    return float(stats.ttest_1samp(differences, 0).pvalue)


def seeds_needed(mean: float, sd: float, confidence: float) -> int | None:
    """Fewest seeds at which a paired t-test finds such a difference with a power of 80 %.

    None for more than 1000, and where nothing can be said (no spread known, no difference).
    """
    if not (sd > 0 and mean != 0):
        return None

    def power(n: int) -> float:
        critical = stats.t.ppf(0.5 + confidence / 2, n - 1)
        return float(stats.nct.sf(critical, n - 1, abs(mean) / sd * n**0.5))

    # More seeds have more power: halve the interval in which the answer lies.
    first = 2 + bisect_left(range(2, MOST_SEEDS + 1), POWER, key=power)
    return first if first <= MOST_SEEDS else None


def contrasts(
    seeds: Mapping[int, Seed],
    methods: Sequence[str],
    attacks: Sequence[str],
    *,
    confidence: float,
    draws: int,
    rng: np.random.Generator,
) -> Iterator[dict[str, Any]]:
    """Every pair of methods under every attack: one row each, p-values corrected within an attack and scope.

    Args:
        seeds: by their numbers, each with all methods and attacks.
        confidence: level of the intervals.
        draws: of the bootstrap.
        rng: of the bootstrap.

    Returns:
        Rows with ``attack``, ``scope``, ``method``, ``other``, ``seeds``, ``difference`` (method minus
        other, a share), ``low``, ``high`` (bootstrap over seeds and images), ``sd`` (over seeds), ``p``
        (paired t-test over seeds), ``p_holm``, ``seeds_needed``.
    """
    keys = list(next(iter(seeds.values())).correct)
    place = {key: i for i, key in enumerate(keys)}
    for scope in next(iter(seeds.values())).scopes:
        resampled = over_seeds(
            [balanced_draws(s, s.scopes[scope], draws, rng) for s in seeds.values()], rng
        )
        exact = np.stack([_balanced(s, s.scopes[scope]) for s in seeds.values()])
        for attack in attacks:
            rows = []
            for method, other in combinations(methods, 2):
                a, b = place[method, attack], place[other, attack]
                differences = exact[:, a] - exact[:, b]
                low, high = interval(resampled[:, a] - resampled[:, b], confidence)
                sd = float(np.std(differences, ddof=1)) if len(seeds) > 1 else float("nan")
                rows.append(
                    {
                        "attack": attack,
                        "scope": scope,
                        "method": method,
                        "other": other,
                        "seeds": len(seeds),
                        "difference": float(differences.mean()),
                        "low": low,
                        "high": high,
                        "sd": sd,
                        "p": paired_p(differences.tolist()),
                        "seeds_needed": seeds_needed(float(differences.mean()), sd, confidence),
                    }
                )
            corrected = holm([row["p"] for row in rows])
            for row, p in zip(rows, corrected, strict=True):
                row["p_holm"] = p
                yield row


def _balanced(seed: Seed, members: Sequence[int]) -> Array:
    """Balanced accuracy of every method and attack on the images as they are, [pairs]."""
    table = np.stack(list(seed.correct.values()), axis=1)
    classes = [table[seed.labels == c] for c in members]
    return np.mean([rows.mean(0) for rows in classes if len(rows)], axis=0)  # type: ignore[no-any-return]

"""Which methods differ significantly: analysis of variance over methods and seeds, Tukey's intervals.

All methods of a study are trained with the same seeds. A *family* is all methods under one attack, in one
scope, on one test set. Its model is balanced accuracy = mean of the method + effect of the seed + error,
with independent errors of one variance for all methods: randomised blocks (Scheffé, The Analysis of
Variance, 1959, chapter 4). With m methods and s seeds the residuals y[m,s] - y[m,.] - y[.,s] + y[.,.] have
the mean square

    MSE = sum of their squares / ((m - 1)(s - 1)).

Tukey's intervals (The Problem of Multiple Comparisons, 1953) hold for all pairs of a family at once:

    y[i,.] - y[j,.] ± q(m, (m - 1)(s - 1)) sqrt(MSE / s),

q the quantile of the studentized range. A paired t-test over three seeds has 2 degrees of freedom; six
methods that share one variance have 10.

A method whose shares are all next to 0 or to 1, such as one that gets no image of the tail right, has next
to no variance. It is *left out of the pool*: it does not count in MSE, but in m of q. Nor does it follow the
seeds, so that their effect does not cancel in its difference to another method: that interval has the mean
square of the pooled methods' shares about their own means, with m(s - 1) degrees of freedom.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy import optimize, stats

from taet.axes import SETTING
from taet.scores.metrics import Array
from taet.scores.summary import NO_SPREAD

POWER = 0.8
EXTREME = 0.01  # a method is left out if no share is farther from 0 than this, or none from 1
COMPARED = ("all", "tail")  # scopes that have families
FAMILY = [*SETTING, "checkpoint", "test_set", "attack", "scope"]
COLUMNS = [
    *FAMILY,
    *("method", "other", "seeds", "difference", "low", "high"),
    *("method_pooled", "other_pooled", "detectable"),
]
MOST_EFFECT = 1000.0  # standard errors; above what any power needs
NONE = (float("nan"), 0)  # a standard deviation without degrees of freedom


@dataclass(frozen=True)
class Pool:
    """The variance that the methods of one family share.

    Attributes:
        methods: their number m, those that are left out too.
        seeds: their number s.
        pooled: [m] which methods the variance is estimated from.
        residual: standard deviation without the effects of seeds, and its degrees of freedom.
        within: standard deviation about the methods' own means, and its degrees of freedom.
    """

    methods: int
    seeds: int
    pooled: Array
    residual: tuple[float, int]
    within: tuple[float, int]

    def reach(self, one: int, other: int, confidence: float) -> float:
        """Half the width of the interval of a difference; NaN where the seeds give no variance."""
        both = self.pooled[one], self.pooled[other]
        if all(both):
            (sd, df), means = self.residual, 2
        elif any(both):
            (sd, df), means = self.within, 1
        else:
            return float("nan")
        if df < 1 or sd < NO_SPREAD:
            return float("nan")
        return critical_t(self.methods, df, confidence) * sd * (means / self.seeds) ** 0.5

    def detectable(self, confidence: float) -> float:
        """Smallest true difference between two pooled methods that is found significant with a power of 80 %.

        The estimate over its standard error follows a noncentral t; this is the noncentrality with which it
        exceeds Tukey's critical value in 80 of 100 studies, for one pair by itself (Cohen, Statistical Power
        Analysis, 1988).
        """
        sd, df = self.residual
        if df < 1 or sd < NO_SPREAD:
            return float("nan")
        return detectable_effect(self.methods, df, confidence) * sd * (2 / self.seeds) ** 0.5


def pool(shares: Array) -> Pool:
    """The pooled variance of a family.

    Args:
        shares: [m, s] balanced accuracy of each method with each seed.
    """
    near = np.minimum(shares.max(1), (1 - shares).max(1))
    pooled = near > EXTREME + NO_SPREAD
    part = shares[pooled]
    m, s = part.shape
    centered = part - part.mean(1, keepdims=True)
    return Pool(
        methods=len(shares),
        seeds=s,
        pooled=pooled,
        residual=_standard_deviation(centered - centered.mean(0), (m - 1) * (s - 1)) if m else NONE,
        within=_standard_deviation(centered, m * (s - 1)) if m else NONE,
    )


def _standard_deviation(residuals: Array, df: int) -> tuple[float, int]:
    return (float(np.sqrt((residuals**2).sum() / df)), df) if df else NONE


@cache
def critical_t(methods: int, df: int, confidence: float) -> float:
    """How many standard errors of a difference Tukey's interval reaches: q / sqrt(2).

    q is the quantile of the studentized range of ``methods`` means, whose standard error is that of a
    difference over sqrt(2).
    """
    return float(stats.studentized_range.ppf(confidence, methods, df)) / 2**0.5


@cache
def detectable_effect(methods: int, df: int, confidence: float) -> float:
    """A difference, in its standard errors, that Tukey's interval finds with a power of 80 %."""
    critical = critical_t(methods, df, confidence)

    def lack(effect: float) -> float:
        return float(stats.nct.sf(critical, df, effect)) - POWER

    return float(optimize.brentq(lack, 0, MOST_EFFECT))


def differences(metrics: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Every pair of methods of every family, over all and over tail classes.

    Args:
        metrics: metrics.csv, one row per seed.
        confidence: level of the intervals, of all pairs of a family at once.

    Returns:
        Rows with ``FAMILY``, ``method``, ``other``, ``seeds`` (with test images of these classes),
        ``difference`` (method minus other, a share, mean over seeds), ``low``, ``high`` (empty where the
        seeds give no variance), ``method_pooled``, ``other_pooled`` (false: left out of the pool) and
        ``detectable`` (smallest difference that is found with a power of 80 %; empty where there is no
        variance). No rows for families with fewer than two seeds or methods.
    """
    compared = metrics[metrics["scope"].isin(COMPARED)]
    rows = [
        dict(zip(FAMILY, family, strict=True)) | pair
        for family, part in compared.groupby(FAMILY, sort=False)
        for pair in _pairs(part, confidence)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _pairs(part: pd.DataFrame, confidence: float) -> Iterator[dict[str, Any]]:
    """Rows of one family."""
    table = part.pivot(index="method", columns="seed", values="balanced_accuracy")
    table = table.loc[list(dict.fromkeys(part["method"]))].dropna(axis=1)
    if min(table.shape) < 2:
        return
    shares = table.to_numpy()
    variance = pool(shares)
    for (i, one), (j, other) in combinations(enumerate(table.index), 2):
        difference = float((shares[i] - shares[j]).mean())
        reach = variance.reach(i, j, confidence)
        yield {
            "method": one,
            "other": other,
            "seeds": variance.seeds,
            "difference": difference,
            "low": difference - reach,
            "high": difference + reach,
            "method_pooled": bool(variance.pooled[i]),
            "other_pooled": bool(variance.pooled[j]),
            "detectable": variance.detectable(confidence),
        }


def is_significant(pair: "pd.Series[Any]") -> bool:
    """Whether the interval of a difference excludes 0."""
    return bool(pair["low"] > 0 or pair["high"] < 0)


def left_out(rows: pd.DataFrame) -> Sequence[str]:
    """The methods of one family that are left out of the pool."""
    names = [*rows.loc[~rows["method_pooled"], "method"], *rows.loc[~rows["other_pooled"], "other"]]
    return list(dict.fromkeys(names))

"""Numbers as the cells of tables."""

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd
from scipy import stats

from taet.report.typeset import NONE, Mark

EQUAL = (
    1.5e-6  # two means of shares that are written with six digits can differ by as much and be one
)
MINUS = "\N{MINUS SIGN}"
NO_INTERVAL = f" [{NONE}]"
RANKS: tuple[Mark, ...] = ("best", "second")


def number_text(row: pd.Series, metric: str = "balanced_accuracy") -> str:
    """``95.1 ± 1.0 [92.6, 97.6]``, in per cent; ``95.1 [92.6, 97.6]`` where there is one seed.

    With the median norm where the attack has no bound, and a ``!`` where there are warnings.
    """
    after = "!" if isinstance(row["warnings"], str) else ""
    if row["norm"] and isinstance(row["norm"], str) and pd.isna(row["eps"]):
        median = f"{row['median_distance']:.2f}" if row["median_distance"] < math.inf else "∞"
        after += f" ({row['norm'].upper()} {median})"
    return f"{_with_spread(row, metric, *interval(row, metric))}{after}"


def accuracy_text(row: pd.Series, confidence: float) -> str:
    """The accuracy likewise; with one seed its interval is from the standard error of its test images."""
    low, high = row["accuracy_low"], row["accuracy_high"]
    if row["seeds"] == 1:
        reach = stats.norm.ppf(0.5 + confidence / 2) * row["accuracy_se"]
        low, high = max(0.0, row["accuracy"] - reach), min(1.0, row["accuracy"] + reach)
    return _with_spread(row, "accuracy", low, high)


def difference_text(row: "pd.Series[Any] | None") -> str:
    """``+1.2 [+0.3, +2.1]``, in points; no interval where the seeds give none, ``NONE`` of no pair."""
    if row is None:
        return NONE
    number = _percent(row["difference"], "+z.1f")
    return number if pd.isna(row["low"]) else number + _between(row["low"], row["high"], "+z.1f")


def _with_spread(row: pd.Series, metric: str, low: float, high: float) -> str:
    """Mean, standard deviation over seeds where there are several, and interval, in per cent.

    ``NONE`` of classes without test images, and for an interval where all seeds are equal, or whose ends are
    equal as they are printed: neither shows how far other seeds or images would be.
    """
    if pd.isna(row[metric]):
        return NONE
    sd = row[f"{metric}_sd"]  # none where one seed alone has images of these classes
    spread = "" if pd.isna(sd) else f" ± {100 * sd:.1f}"
    between = "" if pd.isna(low) and pd.isna(sd) else _between(low, high)
    return f"{_percent(row[metric])}{spread}{between}"


def _percent(share: float, form: str = ".1f") -> str:
    """With the sign of mathematics, as a table is typeset."""
    return f"{100 * share:{form}}".replace("-", MINUS)


def _between(low: float, high: float, form: str = ".1f") -> str:
    """An interval in per cent; ``NONE`` where there is none, or its ends are equal as printed."""
    ends = [_percent(end, form) for end in (low, high)]
    return NO_INTERVAL if ends[0] == ends[1] else f" [{', '.join(ends)}]"


def interval(row: pd.Series, metric: str = "balanced_accuracy") -> tuple[float, float]:
    """Student's t over seeds; with one seed the bootstrap over its images, of balanced accuracy alone."""
    if row["seeds"] == 1 and metric == "balanced_accuracy":
        return row["bootstrap_low"], row["bootstrap_high"]
    return row[f"{metric}_low"], row[f"{metric}_high"]


def ranks(values: Sequence[float]) -> dict[int, Mark]:
    """Which values are the largest, and which the second largest; equal ones share a rank.

    As in sports (1, 1, 3), nothing is second behind two that are equal. A value by itself is neither.
    """
    result: dict[int, Mark] = {}
    if len(values) < 2:
        return result
    order = sorted((i for i, v in enumerate(values) if v == v), key=lambda i: -values[i])
    rank = 0
    for place, i in enumerate(order):
        if place and values[order[place - 1]] - values[i] > EQUAL:
            rank = place
        if rank < len(RANKS):
            result[i] = RANKS[rank]
    return dict(sorted(result.items()))

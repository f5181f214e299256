"""Numbers as they stand in tables."""

import math
from collections.abc import Sequence

import pandas as pd
from scipy import stats

from taet.report.typeset import Mark

COLLAPSED = "the training has collapsed"  # in a warning of ``taet.adversary.checks``


def number_text(row: pd.Series) -> str:
    """``95.1 ± 1.0 [92.6, 97.6]``, in per cent; ``95.1 [92.6, 97.6]`` where there is one seed.

    With the median norm where the attack has no bound, and a ``!`` where there are warnings.
    """
    after = "!" if isinstance(row["warnings"], str) else ""
    if row["norm"] and isinstance(row["norm"], str) and pd.isna(row["eps"]):
        median = f"{row['median_distance']:.2f}" if row["median_distance"] < math.inf else "∞"
        after += f" ({row['norm'].upper()} {median})"
    return f"{_with_spread(row, 'balanced_accuracy', *interval(row))}{after}"


def accuracy_text(row: pd.Series, confidence: float) -> str:
    """The accuracy likewise; with one seed its interval is from the standard error of its test images."""
    low, high = row["accuracy_low"], row["accuracy_high"]
    if row["seeds"] == 1:
        reach = stats.norm.ppf(0.5 + confidence / 2) * row["accuracy_se"]
        low, high = max(0.0, row["accuracy"] - reach), min(1.0, row["accuracy"] + reach)
    return _with_spread(row, "accuracy", low, high)


def _with_spread(row: pd.Series, metric: str, low: float, high: float) -> str:
    """Mean, standard deviation over seeds where there are several, and interval, in per cent.

    ``-`` of classes without test images.
    """
    if pd.isna(row[metric]):
        return "-"
    sd = row[f"{metric}_sd"]  # none where one seed alone has images of these classes
    spread = "" if pd.isna(sd) else f" ± {100 * sd:.1f}"
    between = "" if pd.isna(low) else f" [{100 * low:.1f}, {100 * high:.1f}]"
    return f"{100 * row[metric]:.1f}{spread}{between}"


def interval(row: pd.Series) -> tuple[float, float]:
    """Student's t over seeds; with one seed the bootstrap over its images."""
    kind = "balanced_accuracy" if row["seeds"] > 1 else "bootstrap"
    return row[f"{kind}_low"], row[f"{kind}_high"]


def standing(values: Sequence[float]) -> dict[int, Mark]:
    """Which values are the largest, and which the second largest; equal ones share a place.

    A value by itself is neither.
    """
    if len(values) < 2:
        return {}
    places: list[Mark] = ["best", "second"]
    order = sorted({v for v in values if v == v}, reverse=True)[: len(places)]
    ranks = dict(zip(order, places, strict=False))
    return {i: ranks[value] for i, value in enumerate(values) if value in ranks}

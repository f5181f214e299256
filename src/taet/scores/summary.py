"""Numbers over seeds: mean, standard deviation and interval of each metric."""

from pathlib import Path
from typing import Any, BinaryIO

import pandas as pd
from scipy import stats

from taet.axes import METHOD_IN_SETTING
from taet.scores import notes

# Metrics with the smallest value that each can have; the largest is 1. Older files lack those of disparity.
LEAST = {
    "accuracy": 0,
    "balanced_accuracy": 0,
    "class_range": 0,
    "class_sd": 0,
    "head_tail_gap": -1,
}
NO_SPREAD = 1e-6  # sd of shares that are written with six digits: equal, but for rounding
SCOPE = [*METHOD_IN_SETTING, "checkpoint", "test_set", "attack", "scope"]
KEYS = [*SCOPE, "class_index", "class_name"]


# Columns of text; a class can be called NA, and a method "true".
TEXT = [
    *KEYS,
    *("other", "norm", "warnings", "true", "predicted", "clean", "attacked", "correct"),
]


def read_rows(file: Path | str | BinaryIO) -> pd.DataFrame:
    """A table of ``score`` or ``inspect``, names as they were written; only an empty cell is missing."""
    dtype = dict.fromkeys(TEXT, str)
    return pd.read_csv(file, dtype=dtype, keep_default_na=False, na_values=[""])


def title_of_test_set(summary: pd.DataFrame, test_set: str) -> str:
    """What a test set is for one data set, since a data set's own test set need not be balanced.

    With its ratio where the rows are of one imbalance ratio.

    Args:
        summary: rows of ``over_seeds``, those of single classes among them.
        test_set: ``balanced`` or ``long_tailed``.
    """
    part = summary[(summary["test_set"] == test_set) & (summary["scope"] == "class")]
    least, most = part["test_images"].min(), part["test_images"].max()
    if test_set == "balanced" and least == most:
        return "Balanced test set"
    ratio = f" ({most / least:.3g}:1)" if least else " (without the rarest classes)"
    if part["imbalance_ratio"].nunique() > 1:
        ratio = ""
    if test_set == "balanced" or set(part["imbalance_ratio"]) == {"natural"}:
        return f"The data set's own test set{ratio}"
    return f"Long-tailed test set{ratio}"


def of_groups(summary: pd.DataFrame) -> pd.DataFrame:
    """The rows of ``over_seeds`` that are not of single classes: method, attack and scope name just one."""
    return summary[summary["scope"] != "class"]


def over_seeds(metrics: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """One row per cell, checkpoint, test set, attack and scope, with numbers over its seeds.

    Args:
        metrics: metrics.csv, one row per seed.
        confidence: level of the interval.

    Returns:
        ``KEYS`` with ``seeds`` (their number n), ``train_images``, ``test_images`` (means), and for each
        metric of ``LEAST``: the mean, ``_sd`` (n - 1 in the denominator), and ``_low``, ``_high`` of
        Student's t interval, clipped to what is possible; empty where n is 1, and where all seeds
        are equal, which do not show how far others would be from them. Of accuracies also
        ``_se``, the standard error that one seed has from its finite test set alone (mean). Of the
        attack: ``norm``, ``eps``, ``median_distance`` (mean) and all ``warnings``, one a line.
    """
    groups = metrics.groupby(KEYS, sort=False, dropna=False)
    result = groups.agg(
        seeds=("seed", "nunique"),
        train_images=("train_images", "mean"),
        test_images=("test_images", "mean"),
        median_distance=("median_distance", "mean"),
        norm=("norm", "first"),
        eps=("eps", "first"),
        warnings=("warnings", _together),
    )
    for metric, least in LEAST.items():
        if metric not in metrics:
            continue
        n = groups[metric].count()  # a class may have no test image with some seeds
        reach = stats.t.ppf(0.5 + confidence / 2, (n - 1).clip(lower=1)) / n**0.5
        mean, sd = groups[metric].mean(), groups[metric].std(ddof=1)
        reach = (reach * sd).where(sd > NO_SPREAD)
        result[metric] = mean
        if f"{metric}_se" in metrics:
            result[f"{metric}_se"] = groups[f"{metric}_se"].mean()
        result[f"{metric}_sd"] = sd
        result[f"{metric}_low"] = (mean - reach).clip(least, 1)
        result[f"{metric}_high"] = (mean + reach).clip(least, 1)
    return result.reset_index()


def with_bootstrap(summary: pd.DataFrame, intervals: pd.DataFrame) -> pd.DataFrame:
    """``over_seeds`` with ``bootstrap_low`` and ``bootstrap_high`` of the balanced accuracy.

    They come from resampling seeds and images, and so are known where n is 1 too, where they show what the
    finite test set does alone. With few seeds they are too narrow: Student's t is the one to believe.
    Empty for single classes and the worst class.

    Args:
        intervals: intervals.csv.
    """
    bounds = intervals.rename(columns={"low": "bootstrap_low", "high": "bootstrap_high"})
    return summary.merge(bounds[[*SCOPE, "bootstrap_low", "bootstrap_high"]], on=SCOPE, how="left")


def shown_rows(rows: pd.DataFrame, report: Any) -> pd.DataFrame:
    """Rows of the test set and the checkpoint that tables and figures show.

    Args:
        rows: metrics.csv, or ``over_seeds`` of it.
        report: the block of that name.
    """
    return rows[(rows["test_set"] == report.test_set) & (rows["checkpoint"] == report.checkpoint)]


def _together(warnings: pd.Series) -> str | None:
    """Warnings of all seeds, each once."""
    return notes.join(text for field in warnings for text in notes.split(field))

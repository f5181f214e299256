"""Scores as a data frame, with intervals."""

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd
from scipy import stats


def score_frame(
    rows: Sequence[dict[str, Any]], confidence: float, *, with_training: bool
) -> pd.DataFrame:
    """Scores with Wilson intervals of the accuracies.

    Args:
        rows: those of ``taet.scores.metrics.scores``.
        confidence: level of the intervals.
        with_training: whether the numbers of training images are known; they are missing otherwise.
    """
    frame = pd.DataFrame(rows)
    frame["class_index"] = frame["class_index"].astype("Int64")
    frame["train_images"] = frame["train_images"].astype("Int64")
    if not with_training:
        frame["train_images"] = pd.array([pd.NA] * len(frame), "Int64")
    intervals = [
        _interval(share, n, confidence)
        for share, n in zip(frame["accuracy"], frame["test_images"], strict=True)
    ]
    column = list(frame).index("accuracy") + 1
    frame.insert(column, "accuracy_low", [low for low, _ in intervals])
    frame.insert(column + 1, "accuracy_high", [high for _, high in intervals])
    return frame


def _interval(share: float, n: int, confidence: float) -> tuple[float, float]:
    """NaN for a class without test images."""
    if n == 0:
        return math.nan, math.nan
    interval = stats.binomtest(round(share * n), n).proportion_ci(confidence, "wilson")
    return interval.low, interval.high

"""The order in which figures show methods."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from taet.scores.summary import shown_rows


def by_tail_robustness(summary: pd.DataFrame, shown: Mapping[str, Any]) -> dict[str, str]:
    """Labels of methods by name, most robust in the tail first; over all classes where there is no tail.

    Args:
        summary: rows over seeds of one data set, imbalance ratio and architecture.
        shown: ``report``, ``labels`` of the parameters.
    """
    report, methods = shown["report"], shown["labels"]["methods"]
    rows = shown_rows(summary, report)
    rows = rows[rows["attack"] == report.figure_attack]
    scope = "tail" if "tail" in set(rows["scope"]) else "all"
    robust = rows[rows["scope"] == scope].set_index("method")["balanced_accuracy"]
    ordered = sorted(methods, key=lambda method: robust[method], reverse=True)
    return {method: methods[method] for method in ordered}

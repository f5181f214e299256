"""Differences in balanced robustness between each method and a reference, with simultaneous intervals.

The reference is TAET, or the first method of a study without it. Differences are of the worst case over
attacks, unless the parameters name another attack for figures. The method with the largest comes first.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from taet.report.style import (
    BARS,
    SCOPE_TITLES,
    caption,
    heading,
    house_style,
    method_styles,
    row_panels,
    setting_of,
)
from taet.scores import tukey
from taet.scores.summary import shown_rows, title_of_test_set

REQUIRES = {"methods": 2}
SOURCE = "metrics"
REFERENCE = "taet"


def draw(metrics: pd.DataFrame, shown: Mapping[str, Any], picture: Mapping[str, Any]) -> Figure:
    """The figure.

    Args:
        metrics: rows of metrics.csv of one data set, imbalance ratio and architecture.
        shown: ``report``, ``labels``, ``families`` of the parameters.
        picture: its setting.
    """
    report, labels = shown["report"], shown["labels"]["methods"]
    metrics = shown_rows(metrics, report)
    reference = REFERENCE if REFERENCE in labels else next(iter(labels))
    rows = metrics[metrics["attack"] == report.figure_attack]
    differences = {
        scope: _differences(rows[rows["scope"] == scope], reference, report.confidence)
        for scope in SCOPE_TITLES
        if scope in set(rows["scope"])
    }
    everything = differences["all"]["difference"]
    methods = sorted(everything.index, key=everything.get, reverse=True)
    with house_style():
        titles = [SCOPE_TITLES[scope] for scope in differences]
        figure, panels = row_panels([labels[method] for method in methods], titles)
        for axes, pairs in zip(panels, differences.values(), strict=True):
            _panel(axes, pairs.loc[methods], method_styles(shown))
            axes.set_xlabel(f"points, better than {labels[reference]} \N{RIGHTWARDS ARROW}")
        caption(figure, _caption(metrics, shown, labels[reference]))
        heading(figure, setting_of(shown, picture))
    return figure


def _differences(rows: pd.DataFrame, reference: str, confidence: float) -> pd.DataFrame:
    """Of each other method to the reference: ``difference``, ``low``, ``high`` in points.

    Args:
        rows: of one attack and scope, all methods and seeds.
    """
    means = rows.groupby("method", sort=False)["balanced_accuracy"].mean()
    table = pd.DataFrame({"difference": means - means[reference], "low": np.nan, "high": np.nan})
    for pair in tukey.differences(rows, confidence).to_dict("records"):
        if pair["other"] == reference:
            table.loc[pair["method"]] = pair["difference"], pair["low"], pair["high"]
        elif pair["method"] == reference:
            table.loc[pair["other"]] = -pair["difference"], -pair["high"], -pair["low"]
    return 100 * table.drop(reference)


def _panel(axes: Axes, pairs: pd.DataFrame, styles: Mapping[str, Mapping[str, Any]]) -> None:
    axes.axvline(0, color="0.6", linewidth=0.6)
    for row, (method, pair) in enumerate(pairs.iterrows()):
        reach = [[pair["difference"] - pair["low"]], [pair["high"] - pair["difference"]]]
        bar = None if np.isnan(reach).any() else reach
        axes.errorbar(pair["difference"], row, xerr=bar, **styles[str(method)], **BARS)


def _caption(metrics: pd.DataFrame, shown: Mapping[str, Any], reference: str) -> str:
    report, count = shown["report"], len(shown["labels"]["methods"])
    attack, seeds = shown["labels"]["attacks"][report.figure_attack], metrics["seed"].nunique()
    intervals = (
        f"means over n = {seeds} seeds, {100 * report.confidence:g}% intervals (Tukey's, simultaneous for "
        f"all {count * (count - 1) // 2} pairs of {count} methods)"
        if seeds > 1
        else "one seed, n = 1: no intervals"
    )
    test_set = title_of_test_set(metrics, report.test_set)
    return f"Balanced robustness, {attack}: method minus {reference}. {test_set}; {intervals}"

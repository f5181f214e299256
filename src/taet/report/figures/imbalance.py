"""Balanced accuracy and robustness at each imbalance ratio; most robust at the largest ratio first."""

from collections.abc import Mapping
from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from taet.report.style import (
    BARS,
    BETTER,
    MARKERS,
    ROW,
    caption,
    heading,
    house_style,
    means_and_bars,
    name_series,
    ratio_colors,
    row_panels,
    setting_of,
    spread,
    value_bar,
)
from taet.report.titles import ratio_title
from taet.scores.summary import shown_rows

REQUIRES = {"ratios": 2}
TITLES = ["Balanced accuracy", "Balanced robustness"]
SHARE = 0.35  # of the height of a row, between its first and its last ratio


def draw(summary: pd.DataFrame, shown: Mapping[str, Any], about: Mapping[str, Any]) -> Figure:
    """The figure.

    Args:
        summary: rows over seeds of one data set and architecture.
        shown: ``report``, ``labels`` of the parameters.
        about: its setting, with ``ratios``: the imbalance ratios that are numbers, as they are in paths.
    """
    report, labels = shown["report"], shown["labels"]
    figure_attack = report.figure_attack
    summary = shown_rows(summary, report)
    summary = summary[summary["imbalance_ratio"].isin(about["ratios"])]
    values = summary[summary["scope"] == "all"].set_index(["method", "attack", "imbalance_ratio"])
    ratios = sorted(about["ratios"], key=float)
    robustness = {
        m: values.loc[(m, figure_attack, ratios[-1]), "balanced_accuracy"]
        for m in labels["methods"]
    }
    methods = sorted(robustness, key=lambda method: robustness[method], reverse=True)
    columns = {"clean": "BA", figure_attack: f"BR, {labels['attacks'][figure_attack]}"}
    with house_style():
        names = [labels["methods"][method] for method in methods]
        figure, panels = row_panels(names, TITLES, ROW * max(1, len(ratios) / 2))
        offsets = SHARE * np.linspace(-0.5, 0.5, len(ratios))
        for axes, attack in zip(panels, columns, strict=True):
            looks = zip(ratios, offsets, ratio_colors(len(ratios)), cycle(MARKERS), strict=False)
            for ratio, offset, color, marker in looks:
                means, bars = means_and_bars(
                    value_bar(values.loc[(method, attack, ratio)]) for method in methods
                )
                look = {
                    "color": color,
                    "marker": marker,
                    "linestyle": "",
                    "label": ratio_title(ratio),
                }
                axes.errorbar(means, np.arange(len(methods)) + offset, xerr=bars, **look, **BARS)
            axes.set_xlabel(f"{columns[attack]} (%), {BETTER}")
        caption(figure, f"All classes. {spread(summary, report.test_set)}")
        name_series(figure, *panels[0].get_legend_handles_labels())
        heading(figure, setting_of(shown, about))
    return figure

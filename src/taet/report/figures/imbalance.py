"""Balanced accuracy and balanced robustness against the imbalance ratio."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from taet.report.style import (
    BARS,
    BETTER,
    caption,
    column_panels,
    heading,
    house_style,
    means_and_bars,
    method_styles,
    name_methods,
    setting_of,
    spread,
    value_bar,
)
from taet.scores.summary import shown_rows


def draw(summary: pd.DataFrame, shown: Mapping[str, Any], picture: Mapping[str, Any]) -> Figure:
    """The figure.

    Args:
        summary: rows over seeds of one data set and architecture.
        shown: ``report``, ``labels``, ``families`` of the parameters.
        picture: its setting, with ``ratios``: the imbalance ratios that are numbers, as they are in paths.
    """
    report, labels = shown["report"], shown["labels"]
    summary = shown_rows(summary, report)
    summary = summary[summary["imbalance_ratio"].isin(picture["ratios"])]
    values = summary[summary["scope"] == "all"].set_index(["method", "attack", "imbalance_ratio"])
    ratios = sorted(picture["ratios"], key=float)
    titles = {"clean": "BA", report.figure_attack: f"BR, {labels['attacks'][report.figure_attack]}"}
    with house_style():
        figure, panels = column_panels(len(titles))
        for axes, (attack, title) in zip(panels, titles.items(), strict=True):
            for method, style in method_styles(shown).items():
                means, bars = means_and_bars(
                    value_bar(values.loc[(method, attack, ratio)]) for ratio in ratios
                )
                positions = [float(ratio) for ratio in ratios]
                axes.errorbar(positions, means, yerr=bars, label=method, **style, **BARS)
            axes.set_xscale("log")
            axes.set_xticks([float(ratio) for ratio in ratios], ratios)
            axes.minorticks_off()
            axes.margins(x=0.08)
            axes.set_ylabel(f"{title} (%), {BETTER}")
        panels[-1].set_xlabel("Imbalance ratio (IR)")
        caption(figure, f"All classes. {spread(summary, report.test_set)}")
        name_methods(figure, labels["methods"])
        heading(figure, setting_of(shown, picture))
    return figure

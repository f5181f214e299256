"""Balanced accuracy and balanced robustness against the imbalance ratio."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from taet.report.style import (
    column_panels,
    house_style,
    markers,
    name_methods,
    say_below,
    spread,
    value_bar,
)
from taet.scores.summary import shown_rows

BESIDE = 1.015  # from the bar of one method to the next, or they would hide each other


def draw(summary: pd.DataFrame, shown: Mapping[str, Any], picture: Mapping[str, Any]) -> Figure:
    """The figure.

    Args:
        summary: rows over seeds of one data set and architecture.
        shown: ``report``, ``labels`` of the parameters.
        picture: ``ratios``, the imbalance ratios that are numbers, as they are in paths.
    """
    report, labels = shown["report"], shown["labels"]
    summary = shown_rows(summary, report)
    summary = summary[summary["imbalance_ratio"].isin(picture["ratios"])]
    values = summary[summary["scope"] == "all"].set_index(["method", "attack", "imbalance_ratio"])
    ratios = sorted(picture["ratios"], key=float)
    headline = report.headline_attack
    titles = {"clean": "BA", headline: f"BR under {labels['attacks'][headline]}"}
    with house_style():
        figure, panels = column_panels(len(titles))
        for axes, (attack, title) in zip(panels, titles.items(), strict=True):
            methods = zip(labels["methods"], markers(), strict=False)
            for i, (method, style) in enumerate(methods):
                points = [value_bar(values.loc[(method, attack, ratio)]) for ratio in ratios]
                means, errors = zip(*points, strict=True)
                axes.errorbar(
                    [float(r) * BESIDE ** (i - len(labels["methods"]) // 2) for r in ratios],
                    means,
                    yerr=errors,
                    label=method,
                    elinewidth=0.6,
                    **style,
                )
            axes.set_xscale("log")
            axes.set_xticks([float(r) for r in ratios], ratios)
            axes.minorticks_off()
            axes.set_ylabel(f"{title} (%)")
        panels[-1].set_xlabel("Imbalance ratio")
        say_below(figure, f"{spread(summary, report.test_set)}; methods side by side")
        name_methods(figure, labels["methods"])
    return figure

"""Balanced robustness against what the training costs, for all and for tail classes."""

from collections.abc import Mapping
from typing import Any

import matplotlib
import pandas as pd
from matplotlib.figure import Figure

from taet.figures._style import (
    COLUMN,
    SCOPE_TITLES,
    STYLE,
    markers,
    name_methods,
    spread,
    value_bar,
)
from taet.summary import of_groups, shown_summary


def draw(metrics: pd.DataFrame, shown: Mapping[str, Any], picture: Mapping[str, Any]) -> Figure:
    """The figure.

    Args:
        metrics: rows of one data set, imbalance ratio and architecture.
        shown: ``report``, ``labels``, ``costs`` of the parameters.
        picture: what this one is about, such as ``dataset``.
    """
    report, labels, costs = shown["report"], shown["labels"], shown["costs"]
    attack = report.headline_attack
    summary = shown_summary(metrics, report)
    values = of_groups(summary[summary["attack"] == attack]).set_index(["method", "scope"])
    scopes = [s for s in ("all", "tail") if s in set(summary["scope"])]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(2 * COLUMN, 2.6), layout="constrained")
        panels = figure.subplots(1, len(scopes), squeeze=False)[0]
        for axes, scope in zip(panels, scopes, strict=True):
            for (method, label), style in zip(labels["methods"].items(), markers(), strict=False):
                mean, error = value_bar(values.loc[(method, scope)])
                axes.errorbar(
                    costs[method],
                    mean,
                    yerr=error,
                    label=label,
                    linestyle="",
                    elinewidth=0.6,
                    **style,
                )
            axes.set_title(SCOPE_TITLES[scope])
            axes.set_xlabel("Passes of a training image")
        panels[0].set_ylabel(f"BR under {labels['attacks'][attack]} (%)")
        figure.supxlabel(
            f"Passes forward and backward in the whole training. {spread(summary, report.view)}",
            fontsize="medium",
        )
        name_methods(figure)
    return figure

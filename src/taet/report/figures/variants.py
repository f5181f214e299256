"""Balanced accuracy and robustness of the variants of one method: points with bars, one above the other."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from taet.report.style import COLUMN, SCOPE_TITLES, colors, house_style, spread, value_bar
from taet.scores.summary import of_groups, shown_rows


def draw(summary: pd.DataFrame, shown: Mapping[str, Any], picture: Mapping[str, Any]) -> Figure:
    """The figure.

    Args:
        summary: rows over seeds of one data set, imbalance ratio and architecture.
        shown: ``report``, ``labels``, ``study``, ``threat`` of the parameters.
        picture: what this one is about: the ``methods``.
    """
    report, labels = shown["report"], shown["labels"]
    methods = picture["methods"]
    summary = shown_rows(summary, report)
    values = of_groups(summary).set_index(["method", "attack", "scope"])
    scopes = [s for s in ("all", "tail") if s in set(summary["scope"])]
    panels = {
        "clean": "Balanced accuracy (%)",
        report.headline_attack: f"Balanced robustness, {labels['attacks'][report.headline_attack]} (%)",
    }
    with house_style():
        height = 0.9 + 0.17 * len(methods)
        figure = Figure(figsize=(2 * COLUMN, height), layout="constrained")
        grid = figure.subplots(1, 2, sharey=True)
        for axes, (attack, title) in zip(grid, panels.items(), strict=True):
            for scope, color, marker in zip(scopes, colors(), "os", strict=False):
                for place, method in enumerate(methods):
                    mean, error = value_bar(values.loc[(method, attack, scope)])
                    axes.errorbar(
                        mean,
                        place,
                        xerr=error,
                        color=color,
                        marker=marker,
                        elinewidth=0.6,
                        capsize=1.5,
                        label=SCOPE_TITLES[scope],
                    )
            axes.set_xlabel(title)
            axes.grid(axis="y", linewidth=0.3, color="0.85")
        grid[0].set_yticks(range(len(methods)), [labels["methods"][m] for m in methods])
        grid[0].set_ylim(len(methods) - 0.5, -0.5)
        figure.supxlabel(spread(summary, report.test_set), fontsize="medium")
        handles, names = grid[0].get_legend_handles_labels()
        once = dict(zip(names, handles, strict=True))
        figure.legend(once.values(), once, loc="outside upper center", ncols=len(once))
    return figure

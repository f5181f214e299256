"""Balanced robustness against balanced accuracy, for all classes and for tail classes."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from taet.report.style import (
    SCOPE_TITLES,
    column_panels,
    house_style,
    markers,
    name_methods,
    say_below,
    spread,
    value_bar,
)
from taet.scores.summary import shown_rows


def draw(summary: pd.DataFrame, shown: Mapping[str, Any], picture: Mapping[str, Any]) -> Figure:
    """The figure.

    Args:
        summary: rows over seeds of one data set, imbalance ratio and architecture.
        shown: ``report``, ``labels``, ``study``, ``threat`` of the parameters.
        picture: what this one is about, such as ``dataset``.
    """
    report, labels = shown["report"], shown["labels"]
    summary = shown_rows(summary, report)
    scopes = [s for s in ("all", "tail") if s in set(summary["scope"])]
    with house_style():
        figure, panels = column_panels(len(scopes))
        for axes, scope in zip(panels, scopes, strict=True):
            part = summary[summary["scope"] == scope].set_index(["method", "attack"])
            for method, style in zip(labels["methods"], markers(), strict=False):
                ba, ba_bar = value_bar(part.loc[(method, "clean")])
                br, br_bar = value_bar(part.loc[(method, report.headline_attack)])
                axes.errorbar(
                    ba,
                    br,
                    xerr=ba_bar,
                    yerr=br_bar,
                    label=method,
                    **style,
                    markersize=5,
                    linestyle="none",
                    elinewidth=0.6,
                    capsize=1.5,
                )
            axes.set_title(SCOPE_TITLES[scope])
            axes.set_ylabel(f"BR under {labels['attacks'][report.headline_attack]} (%)")
            axes.margins(0.12)
        panels[-1].set_xlabel("Balanced accuracy (%)")
        say_below(figure, spread(summary, report.test_set))
        name_methods(figure, labels["methods"])
    return figure

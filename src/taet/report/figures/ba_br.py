"""Balanced robustness against balanced accuracy, for all classes and for tail classes."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from taet.report.style import (
    BARS,
    BETTER,
    SCOPE_TITLES,
    caption,
    heading,
    house_style,
    means_and_bars,
    method_styles,
    name_methods,
    setting_of,
    side_by_side,
    spread,
    value_bar,
)
from taet.scores.summary import shown_rows

REQUIRES = {"methods": 2}
ABOVE_BARS = 3  # of matplotlib's layers: no bar of another method crosses a marker


def draw(summary: pd.DataFrame, shown: Mapping[str, Any], picture: Mapping[str, Any]) -> Figure:
    """The figure.

    Args:
        summary: rows over seeds of one data set, imbalance ratio and architecture.
        shown: ``report``, ``labels``, ``families`` of the parameters.
        picture: its setting.
    """
    report, labels = shown["report"], shown["labels"]
    summary = shown_rows(summary, report)
    scopes = [s for s in SCOPE_TITLES if s in set(summary["scope"])]
    with house_style():
        figure, panels = side_by_side(len(scopes))
        for axes, scope in zip(panels, scopes, strict=True):
            part = summary[summary["scope"] == scope].set_index(["method", "attack"])
            for method, style in method_styles(shown).items():
                ba, ba_bar = means_and_bars([value_bar(part.loc[(method, "clean")])])
                br, br_bar = means_and_bars([value_bar(part.loc[(method, report.figure_attack)])])
                points, *_ = axes.errorbar(
                    ba, br, xerr=ba_bar, yerr=br_bar, label=method, linestyle="", **style, **BARS
                )
                points.set_zorder(ABOVE_BARS)
            axes.set_title(SCOPE_TITLES[scope])
            axes.set_xlabel(f"Balanced accuracy (%), {BETTER}")
            axes.margins(0.12)
        panels[0].set_ylabel(f"BR, {labels['attacks'][report.figure_attack]} (%), {BETTER}")
        caption(figure, spread(summary, report.test_set))
        name_methods(figure, labels["methods"])
        heading(figure, setting_of(shown, picture))
    return figure

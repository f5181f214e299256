"""Balanced robustness against balanced accuracy, for all classes and for tail classes.

Methods whose markers overlap are named beside them, where there is room. With many methods, such as variants
of one that share their color, each point has the number of its method in the legend, and no bars.
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from taet.report.labels import name_hidden, number_all
from taet.report.style import (
    BARS,
    BETTER,
    LINE,
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
MOST_NAMES = 12  # methods; with more, points have numbers


def draw(summary: pd.DataFrame, shown: Mapping[str, Any], about: Mapping[str, Any]) -> Figure:
    """The figure.

    Args:
        summary: rows over seeds of one data set, imbalance ratio and architecture.
        shown: ``report``, ``labels``, ``families`` of the parameters.
        about: its setting.
    """
    report, labels = shown["report"], shown["labels"]
    summary = shown_rows(summary, report)
    scopes = [s for s in SCOPE_TITLES if s in set(summary["scope"])]
    numbered = len(labels["methods"]) > MOST_NAMES
    with house_style():
        figure, panels = side_by_side(len(scopes))
        figure.set_figheight(figure.get_figheight() + numbered * LINE * len(labels["methods"]) / 3)
        for axes, scope in zip(panels, scopes, strict=True):
            part = summary[summary["scope"] == scope].set_index(["method", "attack"])
            positions = {}
            for method, style in method_styles(shown).items():
                ba, ba_bar = means_and_bars([value_bar(part.loc[(method, "clean")])])
                br, br_bar = means_and_bars([value_bar(part.loc[(method, report.figure_attack)])])
                if numbered:
                    ba_bar = br_bar = None
                points, *_ = axes.errorbar(
                    ba, br, xerr=ba_bar, yerr=br_bar, label=method, linestyle="", **style, **BARS
                )
                points.set_zorder(ABOVE_BARS)
                positions[labels["methods"][method]] = (*ba, *br)
            axes.set_title(SCOPE_TITLES[scope])
            axes.set_xlabel(f"Balanced accuracy (%), {BETTER}")
            axes.margins(0.12)
            (number_all if numbered else name_hidden)(axes, positions)
        panels[0].set_ylabel(f"BR, {labels['attacks'][report.figure_attack]} (%), {BETTER}")
        caption(figure, spread(summary, report.test_set, bars=not numbered))
        names = labels["methods"].items()
        numbers = {method: f"{i}  {label}" for i, (method, label) in enumerate(names, 1)}
        name_methods(figure, numbers if numbered else labels["methods"])
        heading(figure, setting_of(shown, about))
    return figure

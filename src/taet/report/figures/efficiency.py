"""Balanced robustness against what the training costs, for all and for tail classes."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from taet.report.style import (
    BARS,
    BETTER,
    SCOPE_TITLES,
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
from taet.scores.summary import of_groups, shown_rows


def draw(summary: pd.DataFrame, shown: Mapping[str, Any], picture: Mapping[str, Any]) -> Figure:
    """The figure.

    Args:
        summary: rows over seeds of one data set, imbalance ratio and architecture.
        shown: ``report``, ``labels``, ``families``, ``costs`` of the parameters.
        picture: its setting.
    """
    report, labels, costs = shown["report"], shown["labels"], shown["costs"]
    attack = report.figure_attack
    summary = shown_rows(summary, report)
    values = of_groups(summary[summary["attack"] == attack]).set_index(["method", "scope"])
    scopes = [s for s in SCOPE_TITLES if s in set(summary["scope"])]
    with house_style():
        figure, panels = column_panels(len(scopes))
        for axes, scope in zip(panels, scopes, strict=True):
            for method, style in method_styles(shown).items():
                mean, bar = means_and_bars([value_bar(values.loc[(method, scope)])])
                axes.errorbar(
                    costs[method], mean, yerr=bar, label=method, linestyle="", **style, **BARS
                )
            axes.set_title(SCOPE_TITLES[scope])
            axes.set_ylabel(f"BR, {labels['attacks'][attack]} (%), {BETTER}")
            axes.margins(0.08)
        panels[-1].set_xlabel("\N{LEFTWARDS ARROW} cheaper, passes per training image")
        caption(
            figure,
            f"Passes through the network, forward and backward. {spread(summary, report.test_set)}",
        )
        name_methods(figure, labels["methods"])
        heading(figure, setting_of(shown, picture))
    return figure

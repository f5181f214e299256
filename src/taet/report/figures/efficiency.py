"""Balanced robustness against what the training costs, for all and for tail classes."""

import math
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
from taet.scores.summary import of_groups, shown_rows

BESIDE = 0.1  # of the range of costs, for all methods of one cost


def draw(summary: pd.DataFrame, shown: Mapping[str, Any], picture: Mapping[str, Any]) -> Figure:
    """The figure.

    Args:
        summary: rows over seeds of one data set, imbalance ratio and architecture.
        shown: ``report``, ``labels``, ``costs`` of the parameters.
        picture: what this one is about, such as ``dataset``.
    """
    report, labels, costs = shown["report"], shown["labels"], shown["costs"]
    attack = report.headline_attack
    summary = shown_rows(summary, report)
    values = of_groups(summary[summary["attack"] == attack]).set_index(["method", "scope"])
    scopes = [s for s in ("all", "tail") if s in set(summary["scope"])]
    places = _side_by_side({method: costs[method] for method in labels["methods"]})
    with house_style():
        figure, panels = column_panels(len(scopes))
        for axes, scope in zip(panels, scopes, strict=True):
            for method, style in zip(labels["methods"], markers(), strict=False):
                mean, error = value_bar(values.loc[(method, scope)])
                axes.errorbar(
                    places[method],
                    mean,
                    yerr=error,
                    label=method,
                    linestyle="",
                    elinewidth=0.6,
                    **style,
                )
            axes.set_title(SCOPE_TITLES[scope])
            axes.set_ylabel(f"BR under {labels['attacks'][attack]} (%)")
        panels[-1].set_xlabel("Passes of a training image, forward and backward")
        apart = "; methods of equal cost side by side" if places != costs else ""
        say_below(figure, f"{spread(summary, report.test_set)}{apart}")
        name_methods(figure, labels["methods"])
    return figure


def _side_by_side(costs: Mapping[str, float]) -> dict[str, float]:
    """Where each method stands: those of equal cost would hide each other, and stay nearer than others."""
    alike: dict[float, list[str]] = {}
    for method, cost in costs.items():
        alike.setdefault(cost, []).append(method)
    levels = [-math.inf, *sorted(alike), math.inf]
    most = BESIDE * (levels[-2] - levels[1] or 1)
    places = {}
    for before, cost, after in zip(levels, levels[1:], levels[2:], strict=False):
        methods, width = alike[cost], min(most, cost - before, after - cost)
        for i, method in enumerate(methods):
            places[method] = cost + width * ((i + 0.5) / len(methods) - 0.5)
    return places

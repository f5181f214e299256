"""What training costs, beside balanced robustness for all and for tail classes; the cheapest method first.

Of methods that cost the same the most robust comes first.
"""

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
    row_panels,
    setting_of,
    spread,
    value_bar,
)
from taet.scores.summary import of_groups, shown_rows

REQUIRES = {"methods": 2}
ROOM = 1.1  # of the highest cost: its marker is whole


def draw(summary: pd.DataFrame, shown: Mapping[str, Any], about: Mapping[str, Any]) -> Figure:
    """The figure.

    Args:
        summary: rows over seeds of one data set, imbalance ratio and architecture.
        shown: ``report``, ``labels``, ``families``, ``costs`` of the parameters.
        about: its setting.
    """
    report, labels, costs = shown["report"], shown["labels"], shown["costs"]
    attack, styles = report.figure_attack, method_styles(shown)
    summary = shown_rows(summary, report)
    values = of_groups(summary[summary["attack"] == attack]).set_index(["method", "scope"])
    scopes = [s for s in SCOPE_TITLES if s in set(summary["scope"])]
    robust = values["balanced_accuracy"]
    methods = sorted(labels["methods"], key=lambda m: (costs[m], -robust[m, "all"]))
    with house_style():
        names = [labels["methods"][method] for method in methods]
        figure, (cost, *panels) = row_panels(names, ["Cost", *(SCOPE_TITLES[s] for s in scopes)])
        for row, method in enumerate(methods):
            cost.plot(costs[method], row, **styles[method])
            for axes, scope in zip(panels, scopes, strict=True):
                mean, bar = means_and_bars([value_bar(values.loc[(method, scope)])])
                axes.errorbar(mean, row, xerr=bar, **styles[method], **BARS)
        cost.set_xlim(0, ROOM * max(costs[method] for method in methods))
        cost.xaxis.set_major_formatter("{x:,g}")
        cost.set_xlabel("\N{LEFTWARDS ARROW} cheaper, passes per image")
        for axes in panels:
            axes.set_xlabel(f"BR, {labels['attacks'][attack]} (%), {BETTER}")
        caption(
            figure,
            "Cost: forward and backward passes per training image in the whole training. "
            f"{spread(summary, report.test_set)}",
        )
        heading(figure, setting_of(shown, about))
    return figure

"""Balanced accuracy and robustness against the length of stage 1, all else equal."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from taet.report.style import (
    BARS,
    BETTER,
    COLORS,
    MARKERS,
    caption,
    heading,
    house_style,
    means_and_bars,
    name_series,
    setting_of,
    side_by_side,
    spread,
    value_bar,
)
from taet.scores.summary import of_groups, shown_rows

REQUIRES = {"varying": ["stabilization epochs"], "methods": 3}


def draw(summary: pd.DataFrame, shown: Mapping[str, Any], about: Mapping[str, Any]) -> Figure:
    """The figure.

    Args:
        summary: rows over seeds of one data set, imbalance ratio and architecture.
        shown: ``report``, ``labels``, ``variants`` of the parameters.
        about: its setting, with ``kind``, and the ``methods`` that differ in the one of ``options`` alone.
    """
    report, labels = shown["report"], shown["labels"]
    variants = shown["variants"][about["kind"]]
    (length,) = about["options"]
    methods = sorted(about["methods"], key=lambda method: variants[method][length])
    epochs = [variants[method][length] for method in methods]
    summary = shown_rows(summary, report)
    values = of_groups(summary).set_index(["method", "attack", "scope"])
    robustness = f"BR, {labels['attacks'][report.figure_attack]}"
    curves = {
        ("clean", "all"): "BA",
        ("clean", "tail"): "BA, tail",
        (report.figure_attack, "all"): robustness,
        (report.figure_attack, "tail"): f"{robustness}, tail",
    }
    with house_style():
        figure, (axes,) = side_by_side(1)
        for (key, name), color, marker in zip(curves.items(), COLORS, MARKERS, strict=False):
            if key[1] not in set(summary["scope"]):
                continue
            means, bars = means_and_bars(value_bar(values.loc[(m, *key)]) for m in methods)
            line = {"color": color, "marker": marker, "linestyle": "-" if key[1] == "all" else "--"}
            axes.errorbar(epochs, means, yerr=bars, label=name, **line, **BARS)
        axes.set_xticks(epochs)
        axes.set_xlabel("Epochs of stage 1 (clean warm-up)")
        axes.set_ylabel(f"BA and BR (%), {BETTER}")
        caption(figure, spread(summary, report.test_set))
        name_series(figure, *axes.get_legend_handles_labels())
        heading(figure, setting_of(shown, about))
    return figure

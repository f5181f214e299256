"""Balanced accuracy and robustness against the length of stage 1, all else equal."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from taet.report.style import COLUMN, MARKERS, colors, house_style, say_below, spread, value_bar
from taet.scores.summary import of_groups, shown_rows
from taet.study.plan.variants import STAGE1_EPOCHS


def draw(summary: pd.DataFrame, shown: Mapping[str, Any], picture: Mapping[str, Any]) -> Figure:
    """The figure.

    Args:
        summary: rows over seeds of one data set, imbalance ratio and architecture.
        shown: ``report``, ``labels``, ``study``, ``threat``, ``variants`` of the parameters.
        picture: what this one is about: ``kind``, and the ``methods`` that differ in nothing else.
    """
    report, labels = shown["report"], shown["labels"]
    variants = shown["variants"][picture["kind"]]
    methods = sorted(picture["methods"], key=lambda m: variants[m][STAGE1_EPOCHS])
    epochs = [variants[method][STAGE1_EPOCHS] for method in methods]
    summary = shown_rows(summary, report)
    values = of_groups(summary).set_index(["method", "attack", "scope"])
    attack = report.headline_attack
    curves = {
        ("clean", "all"): "BA",
        ("clean", "tail"): "BA, tail",
        (attack, "all"): f"BR {labels['attacks'][attack]}",
        (attack, "tail"): f"BR {labels['attacks'][attack]}, tail",
    }
    with house_style():
        figure = Figure(figsize=(COLUMN, 2.5), layout="constrained")
        axes = figure.subplots()
        for (key, name), color, marker in zip(curves.items(), colors(), MARKERS, strict=False):
            if key[1] not in set(summary["scope"]):
                continue
            points = [value_bar(values.loc[(method, *key)]) for method in methods]
            means, errors = zip(*points, strict=True)
            axes.errorbar(
                epochs,
                means,
                yerr=errors,
                label=name,
                color=color,
                marker=marker,
                linestyle="-" if key[1] == "all" else "--",
                elinewidth=0.6,
                capsize=1.5,
            )
        axes.set_xticks(epochs)
        axes.set_xlabel("Epochs of stage 1")
        axes.set_ylabel("Per cent")
        say_below(figure, spread(summary, report.test_set))
        figure.legend(loc="outside upper center", ncols=2)
    return figure

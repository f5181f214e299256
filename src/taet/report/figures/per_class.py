"""Accuracy of each class, clean and attacked, over bars of training counts; a panel per method."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from taet.report.style import COLUMN, colors, house_style, legend, spread
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
    classes = summary[summary["scope"] == "class"].copy()
    order = (
        classes.groupby("class_index")["train_images"]
        .first()
        .sort_values(ascending=False, kind="stable")
    )
    classes["place"] = classes["class_index"].map({c: i for i, c in enumerate(order.index)})
    methods = labels["methods"]
    columns = min(3, len(methods))
    rows = math.ceil(len(methods) / columns)
    curves = {"clean": "Clean", report.headline_attack: labels["attacks"][report.headline_attack]}
    palette = dict(zip(curves, colors(), strict=False))
    with house_style():
        figure = Figure(figsize=(2 * COLUMN, 0.35 + 1.45 * rows), layout="constrained")
        grid = figure.subplots(rows, columns, sharey=True, squeeze=False)
        for i, (method, label) in enumerate(methods.items()):
            axes = grid.flat[i]
            part = classes[classes["method"] == method]
            _count_bars(axes, part[part["attack"] == "clean"])
            for attack in curves:
                _accuracy_line(axes, part[part["attack"] == attack], attack, palette[attack])
            axes.set_title(label)
        for axes in grid.flat[len(methods) :]:
            axes.set_visible(False)
        for axes in grid[:, 0]:
            axes.set_ylabel("Accuracy (%)")
        figure.supxlabel(
            f"Class, most frequent first. {spread(summary, report.test_set)}", fontsize="medium"
        )
        keys = [axes.get_legend_handles_labels() for axes in figure.axes if axes.get_visible()]
        by_name = {
            name: handle
            for handles, names in keys
            for handle, name in zip(handles, names, strict=True)
        }
        shown = [curves.get(name, name) for name in by_name]
        legend(figure, list(by_name.values()), shown, len(shown))
    return figure


def _count_bars(axes: Axes, part: pd.DataFrame) -> None:
    """Training counts behind the lines, on a scale of their own that the legend states."""
    counts = axes.twinx()
    largest = f"Training images (largest class: {part['train_images'].max():.0f})"
    counts.bar(part["place"], part["train_images"], color="0.88", width=0.8, label=largest)
    counts.set_yticks([])
    axes.set_zorder(counts.get_zorder() + 1)
    axes.patch.set_visible(False)


def _accuracy_line(axes: Axes, part: pd.DataFrame, attack: str, color: Any) -> None:
    axes.errorbar(
        part["place"],
        100 * part["accuracy"],
        yerr=100 * part["accuracy_sd"].fillna(part["accuracy_se"]),
        label=attack,
        color=color,
        marker="o",
        capsize=1.5,
        elinewidth=0.6,
    )
    axes.set_ylim(0, 104)
    ordered = part.sort_values("place")
    step = max(1, len(part) // 10)
    axes.set_xticks(ordered["place"][::step], ordered["class_index"][::step])

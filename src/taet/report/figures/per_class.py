"""Accuracy of each class, clean and attacked, over bars of training counts; a panel per method.

The method that is most robust in the tail comes first. Where a data set has many classes, a point is the mean
of several that are about equally frequent.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from taet.report.classes import class_texts
from taet.report.order import by_tail_robustness
from taet.report.style import (
    BARS,
    BETTER,
    COLORS,
    PAGE_WIDTH,
    caption,
    grid_shape,
    heading,
    house_style,
    means_and_bars,
    name_series,
    room_for,
    setting_of,
    spread,
    upright,
    with_bar,
)
from taet.scores.summary import shown_rows

PANELS_IN_A_ROW = 3
MOST_CLASSES = 20  # with more, a point is one of ``BINS``
BINS = 10
LABELS = 12  # on an axis
LIMITS = (-4, 104)  # per cent: markers at 0 and at 100 are whole
# Attacked, then clean: where both are 0, the smaller marker does not hide the larger one.
SIZES = {"s": 3, "o": 5}  # points


def draw(summary: pd.DataFrame, shown: Mapping[str, Any], about: Mapping[str, Any]) -> Figure:
    """The figure.

    Args:
        summary: rows over seeds of one data set, imbalance ratio and architecture.
        shown: ``report``, ``labels`` of the parameters.
        about: its setting, with the ``classes`` of the data set.
    """
    report, labels = shown["report"], shown["labels"]
    summary = shown_rows(summary, report)
    attack = report.figure_attack
    curves = {"clean": "clean", attack: labels["attacks"][attack]}
    title, points = _points(summary[summary["scope"] == "class"], about)
    methods = by_tail_robustness(summary, shown)
    rows, columns = grid_shape(len(methods), PANELS_IN_A_ROW)
    with house_style():
        named = 1 + (len(methods) < rows * columns)  # rows with a panel that has none below it
        height = 0.3 + 1.5 * rows + named * room_for(list(points["text"]))
        figure = Figure(figsize=(PAGE_WIDTH, height), layout="constrained")
        grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        for panel, (axes, method) in enumerate(zip(grid.flat, methods, strict=False)):
            part = points[points["method"] == method]
            counts = _count_bars(axes, part[part["attack"] == "clean"])
            lines = [
                _accuracy_line(axes, part[part["attack"] == name], name, color)
                for name, color in zip(curves, COLORS, strict=False)
            ]
            axes.set_title(methods[method])
            axes.tick_params(labelbottom=panel + columns >= len(methods))
        for axes in grid.flat[len(methods) :]:
            axes.set_visible(False)
        for axes in grid[:, 0]:
            axes.set_ylabel(f"Accuracy (%), {BETTER}")
        caption(
            figure,
            f"{title}, most frequent first; methods sorted by tail robustness. "
            f"{spread(summary, report.test_set, bars=not _binned(points))}"
            f"{'; bars: standard deviation between the classes of a point' * _binned(points)}",
        )
        largest = points["train_images"].max()
        name_series(
            figure,
            [*lines, counts],
            [*curves.values(), f"training images (highest bar: {largest:,.0f})"],
        )
        heading(figure, setting_of(shown, about))
    return figure


def _points(classes: pd.DataFrame, about: Mapping[str, Any]) -> tuple[str, pd.DataFrame]:
    """What is drawn of the classes: the title of the axis, and one row for each point.

    Args:
        classes: rows of single classes.

    Returns:
        Rows with ``method``, ``attack``, ``position`` on the axis, ``text`` below it, ``accuracy``, ``reach``
        of the bar, ``train_images``.
    """
    order = (
        classes.groupby("class_index")["train_images"]
        .first()
        .sort_values(ascending=False, kind="stable")
    )
    rank = dict(zip(order.index, range(len(order)), strict=True))
    classes = classes.assign(position=classes["class_index"].map(rank))
    if len(rank) <= MOST_CLASSES:
        title, texts = class_texts(classes, about)
        return title, classes.assign(
            text=classes["class_name"].map(texts),
            reach=classes["accuracy_sd"].fillna(classes["accuracy_se"]),
        ).sort_values("position")
    ends = np.linspace(0, len(rank), BINS + 1).round().astype(int)
    texts = [f"{first + 1}-{last}" for first, last in pairwise(ends)]
    position = np.searchsorted(ends, classes["position"], side="right") - 1
    bins = classes.assign(position=position).groupby(["method", "attack", "position"], sort=False)
    points = bins.agg(
        accuracy=("accuracy", "mean"),
        reach=("accuracy", "std"),
        train_images=("train_images", "mean"),
    ).reset_index()
    points["text"] = [texts[p] for p in points["position"]]
    return "Classes by their rank", points.sort_values("position")


def _binned(points: pd.DataFrame) -> bool:
    return "class_index" not in points


def _count_bars(axes: Axes, part: pd.DataFrame) -> Any:
    """Training counts behind the lines, on a scale of their own that the legend states."""
    counts = axes.twinx()
    bars = counts.bar(part["position"], part["train_images"], color="0.88", width=0.8)
    counts.set_ylim(np.array(LIMITS) / 100 * part["train_images"].max())
    counts.set_yticks([])
    axes.set_zorder(counts.get_zorder() + 1)
    axes.patch.set_visible(False)
    return bars


def _accuracy_line(axes: Axes, part: pd.DataFrame, attack: str, color: str) -> Any:
    means, bars = means_and_bars(
        with_bar(100 * accuracy, 100 * reach)
        for accuracy, reach in zip(part["accuracy"], part["reach"], strict=True)
    )
    marker = "o" if attack == "clean" else "s"
    look = {"color": color, "marker": marker, "markersize": SIZES[marker]}
    line = axes.errorbar(part["position"], means, yerr=bars, **look, **BARS)
    axes.set_ylim(LIMITS)
    every = -(-len(part) // LABELS)
    axes.set_xticks(part["position"][::every], part["text"][::every])
    upright(axes, list(part["text"]))
    return line

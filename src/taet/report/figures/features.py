"""Features of test images of the rarest classes, in two dimensions by t-SNE; a panel per method.

The method that is most robust in the tail comes first.
"""

from collections.abc import Mapping
from itertools import cycle
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from taet.report.classes import class_texts
from taet.report.order import by_tail_robustness
from taet.report.style import (
    COLORS,
    MARKERS,
    PAGE_WIDTH,
    caption,
    grid_shape,
    heading,
    house_style,
    name_series,
    setting_of,
)

SOURCES = ("features", "summary")
PANELS_IN_A_ROW = 4
SHARED = "; equal panels: the methods share a network"  # such as one with its logits adjusted


def draw(
    features: pd.DataFrame,
    summary: pd.DataFrame,
    shown: Mapping[str, Any],
    about: Mapping[str, Any],
) -> Figure:
    """The figure.

    Args:
        features: rows of features.csv of one data set, imbalance ratio and architecture.
        summary: its rows over seeds.
        shown: ``report``, ``labels`` of the parameters.
        about: its setting, with the ``classes`` of the data set.
    """
    methods = by_tail_robustness(summary, shown)
    rows, columns = grid_shape(len(methods), PANELS_IN_A_ROW)
    names = features.groupby("class_index", sort=False)["class_name"].first()
    title, texts = class_texts(features, about)
    with house_style():
        figure = Figure(figsize=(PAGE_WIDTH, 0.2 + 1.7 * rows), layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False)
        for axes, (method, label) in zip(grid.flat, methods.items(), strict=False):
            of_method = features[features["method"] == method]
            classes = of_method.groupby("class_index", sort=False)
            for (_, points), color, marker in zip(
                classes, cycle(COLORS), cycle(MARKERS), strict=False
            ):
                look = {"color": color, "marker": marker, "markersize": 2.5, "linestyle": ""}
                axes.plot(points["x"], points["y"], **look)
            axes.set_title(label)
            axes.set_xticks([])
            axes.set_yticks([])
        for axes in grid.flat[len(methods) :]:
            axes.set_visible(False)
        counts = features.groupby(["method", "class_index"]).size()
        images = " to ".join(map(str, sorted({counts.min(), counts.max()})))
        networks = {tuple(points["x"]) for _, points in features.groupby("method", sort=False)}
        seed = features["seed"].iloc[0]
        caption(
            figure,
            f"t-SNE of {images} clean test images a class; methods sorted by tail robustness; one "
            f"network each, seed {seed}{SHARED * (len(networks) < len(methods))}",
        )
        name_series(figure, grid.flat[0].lines, [f"{title} {texts[name]}" for name in names])
        setting = setting_of(shown, about, attacked=False)
        heading(figure, f"{setting}: features of the rarest classes")
    return figure

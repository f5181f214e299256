"""Features of test images of the rarest classes, in two dimensions by t-SNE; a panel per method."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from taet.report.classes import class_texts
from taet.report.style import CHARACTERS, COLUMN, MARK, house_style, legend, markers

SOURCE = "features"
METHODS_IN_A_ROW = 4


def draw(features: pd.DataFrame, shown: Mapping[str, Any], picture: Mapping[str, Any]) -> Figure:
    """The figure.

    Args:
        features: rows of features.csv of one data set, imbalance ratio and architecture.
        shown: ``labels`` of the parameters.
        picture: what this one is about, such as ``dataset``.
    """
    methods = shown["labels"]["methods"]
    columns = min(METHODS_IN_A_ROW, len(methods))
    rows = math.ceil(len(methods) / columns)
    names = features.groupby("class_index", sort=False)["class_name"].first()
    looks = dict(zip(names.index, markers(), strict=False))
    title, texts = class_texts(features, picture)
    with house_style():
        figure = Figure(figsize=(2 * COLUMN, 0.6 + 1.6 * rows), layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False)
        for axes, (method, label) in zip(grid.flat, methods.items(), strict=False):
            seen = features[features["method"] == method]
            for c, points in seen.groupby("class_index", sort=False):
                style = {"linestyle": "", "markersize": 2, **looks[c]}
                axes.plot(points["x"], points["y"], **style)
            axes.set_title(label)
            axes.set_xticks([])
            axes.set_yticks([])
        for axes in grid.flat[len(methods) :]:
            axes.set_visible(False)
        counts = features.groupby(["method", "class_index"]).size()
        images = " to ".join(map(str, sorted({counts.min(), counts.max()})))
        figure.supxlabel(
            f"t-SNE of the features of clean test images, {images} a class; one network each, "
            f"seed {features['seed'].iloc[0]}",
            fontsize="medium",
        )
        shown = [texts[name] for name in names]
        room = 2 * CHARACTERS // (max(map(len, shown)) + MARK)
        columns = max(1, min(6, room, len(shown)))
        legend(figure, grid.flat[0].lines, shown, columns, title=title)
    return figure

"""Features of test images of the rarest classes, in two dimensions by t-SNE; a panel per method."""

import math
from collections.abc import Mapping
from typing import Any

import matplotlib
import pandas as pd
from matplotlib.figure import Figure

from taet.figures._style import COLUMN, STYLE, markers

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
    looks = dict(zip(features["class_name"].unique(), markers(), strict=False))
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(2 * COLUMN, 0.6 + 1.6 * rows), layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False)
        for axes, (method, label) in zip(grid.flat, methods.items(), strict=False):
            seen = features[features["method"] == method]
            for name, points in seen.groupby("class_name", sort=False):
                style = {"linestyle": "", "markersize": 2, **looks[name]}
                axes.plot(points["x"], points["y"], label=name, **style)
            axes.set_title(label)
            axes.set_xticks([])
            axes.set_yticks([])
        for axes in grid.flat[len(methods) :]:
            axes.set_visible(False)
        counts = features.groupby(["method", "class_name"]).size()
        images = " to ".join(map(str, sorted({counts.min(), counts.max()})))
        figure.supxlabel(
            f"t-SNE of the features of clean test images, {images} a class; one network each, "
            f"seed {features['seed'].iloc[0]}",
            fontsize="medium",
        )
        handles, names = grid.flat[0].get_legend_handles_labels()
        figure.legend(
            handles, names, title="Class", loc="outside upper center", ncols=min(6, len(names))
        )
    return figure

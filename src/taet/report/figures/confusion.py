"""Confusion matrices, clean and attacked: which classes are taken for which; a row of panels per method."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from taet.report.style import COLUMN, house_style

SOURCE = "confusion"
METHODS_IN_A_ROW = 3


def draw(confusion: pd.DataFrame, shown: Mapping[str, Any], picture: Mapping[str, Any]) -> Figure:
    """The figure.

    Args:
        confusion: rows of confusion.csv of one data set, imbalance ratio and architecture.
        shown: ``report``, ``labels`` of the parameters.
        picture: what this one is about, such as ``dataset``.
    """
    report, labels = shown["report"], shown["labels"]
    attacks = {"clean": "clean", report.headline_attack: labels["attacks"][report.headline_attack]}
    shares = confusion.groupby(["method", "attack", "true", "predicted"], sort=False)[
        "share"
    ].mean()
    methods = list(labels["methods"].items())
    rows = -(-len(methods) // METHODS_IN_A_ROW)
    groups = not confusion["true"].iloc[0].isdecimal()  # words, wider than their cells: upright
    height = 1.6 if groups else 1.25
    with house_style():
        figure = Figure(figsize=(2 * COLUMN, 0.3 + height * rows), layout="constrained")
        grid = figure.subplots(rows, 2 * METHODS_IN_A_ROW, squeeze=False)
        pairs = [(m, a) for m in methods for a in attacks.items()]
        for axes, ((method, label), (attack, title)) in zip(grid.flat, pairs, strict=False):
            matrix = shares[method, attack].unstack(sort=False)
            image = axes.imshow(100 * matrix.to_numpy(), vmin=0, vmax=100, cmap="cividis")
            axes.set_title(f"{label}\n{title}", fontsize="small")
            ticks = np.arange(0, len(matrix), max(1, len(matrix) // 5))
            axes.set_xticks(ticks, matrix.columns[ticks])
            axes.set_yticks(ticks, matrix.index[ticks])
            if groups:
                axes.tick_params(axis="x", labelrotation=90)
                axes.tick_params(axis="y", labelleft=axes in grid[:, 0])
        for axes in grid[:, 0]:
            axes.set_ylabel("True class")
        for axes in grid.flat[len(pairs) :]:
            axes.set_visible(False)
        seeds = confusion["seed"].nunique()
        figure.supxlabel(
            f"Predicted class. Shares of a row in %, mean over n = {seeds} "
            f"{'seeds' if seeds > 1 else 'seed'}",
            fontsize="medium",
        )
        figure.colorbar(image, ax=grid, shrink=0.6 if rows > 1 else 1)
    return figure

"""How networks learn: balanced accuracy and robustness on validation images after every epoch.

Robust overfitting is where the right panel falls while the left one rises. A dashed line is the end of a
method's stage 1, a dotted one a drop of the learning rate.
"""

from collections.abc import Mapping
from typing import Any

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from taet.figures._style import COLUMN, STYLE, markers, name_methods

SOURCE = "training"
PANELS = {"validation_accuracy": "BA", "validation_robustness": "BR"}
DROP = 0.5  # a learning rate that falls below this share of the one before has dropped


def draw(training: pd.DataFrame, shown: Mapping[str, Any], picture: Mapping[str, Any]) -> Figure:
    """The figure.

    Args:
        training: rows of training.csv of one data set, imbalance ratio and architecture.
        shown: ``labels`` of the parameters.
        picture: what this one is about, such as ``dataset``.
    """
    labels, seeds = shown["labels"]["methods"], training["seed"].nunique()
    measured = training.dropna(subset=list(PANELS))
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(2 * COLUMN, 2.6), layout="constrained")
        for axes, (column, title) in zip(figure.subplots(1, 2), PANELS.items(), strict=True):
            for (method, label), style in zip(labels.items(), markers(), strict=False):
                part = measured[measured["method"] == method]
                _curve(axes, part.groupby("epoch")[column], label, style["color"])
                _events(axes, training[training["method"] == method], style["color"])
            axes.set_xlabel("Epoch")
            axes.set_ylabel(f"{title} on validation images (%)")
        shades = "mean and standard deviation over" if seeds > 1 else "one seed,"
        count = f"n = {seeds} seeds" if seeds > 1 else "n = 1"
        figure.supxlabel(
            f"{shades} {count}; dashed: end of stage 1; dotted: the learning rate drops",
            fontsize="medium",
        )
        name_methods(figure)
    return figure


def _curve(axes: Axes, values: Any, label: str, color: Any) -> None:
    mean, sd = 100 * values.mean(), 100 * values.std(ddof=1).fillna(0)
    axes.plot(mean.index, mean, label=label, color=color)
    axes.fill_between(mean.index, mean - sd, mean + sd, color=color, alpha=0.15, linewidth=0)


def _events(axes: Axes, part: pd.DataFrame, color: Any) -> None:
    """The end of stage 1, and drops of the learning rate, of one method."""
    epochs = part[part["seed"] == part["seed"].iloc[0]].set_index("epoch")
    before = epochs[epochs["stage"] == 1].index
    if len(before):
        axes.axvline(before.max() + 0.5, color=color, linestyle="--", linewidth=0.6)
    rates = epochs["learning_rate"]
    for epoch in rates.index[rates < DROP * rates.shift()]:
        if rates[epoch] > 0 and epoch != rates.index[-1]:  # a cosine ends at 0: no drop
            axes.axvline(epoch - 0.5, color="0.6", linestyle=":", linewidth=0.6)

"""How networks learn: balanced accuracy and robustness on validation images after every epoch.

Robust overfitting is where the right panel falls while the left one rises. A dashed line is the end of a
method's stage 1, a dotted one a drop of the learning rate.
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from taet.report.style import (
    BETTER,
    caption,
    heading,
    house_style,
    method_styles,
    name_methods,
    setting_of,
    side_by_side,
)

REQUIRES = {"validation": True}
SOURCES = ("training",)
PANELS = {"validation_accuracy": "BA", "validation_robustness": "BR"}
MARKED = 6  # points of a curve that have a marker
DROP = 0.5  # a learning rate that falls below this share of the one before has dropped


def draw(training: pd.DataFrame, shown: Mapping[str, Any], about: Mapping[str, Any]) -> Figure:
    """The figure.

    Args:
        training: rows of training.csv of one data set, imbalance ratio and architecture.
        shown: ``labels``, ``families`` of the parameters.
        about: its setting.
    """
    labels, seeds = shown["labels"]["methods"], training["seed"].nunique()
    measured = training.dropna(subset=list(PANELS))
    with house_style():
        figure, panels = side_by_side(len(PANELS))
        for axes, (column, title) in zip(panels, PANELS.items(), strict=True):
            for number, (method, style) in enumerate(method_styles(shown).items()):
                part = measured[measured["method"] == method]
                first = number / len(labels)
                _curve(axes, part.groupby("epoch")[column], method, style, first)
                _events(axes, training[training["method"] == method], style["color"])
            axes.set_ylabel(f"{title} (%), {BETTER}")
            axes.set_xlabel("Epoch")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        shades = (
            f"means and standard deviations over n = {seeds} seeds" if seeds > 1 else "one seed"
        )
        caption(
            figure,
            f"Validation images, attacked by PGD for BR; {shades}; dashed: end of stage 1; dotted: the "
            "learning rate drops",
        )
        name_methods(figure, labels)
        heading(figure, setting_of(shown, about))
    return figure


def _curve(axes: Axes, values: Any, method: str, style: Mapping[str, Any], first: float) -> None:
    """One method's mean and standard deviation.

    Args:
        first: where its first marker is, as a share of the distance between two: markers of methods whose
            curves lie upon each other do not.
    """
    mean, sd = 100 * values.mean(), 100 * values.std(ddof=1).fillna(0)
    distance = max(1, len(mean) // MARKED)
    marked = (int(first * distance), distance)
    axes.plot(mean.index, mean, label=method, markevery=marked, **style)
    axes.fill_between(
        mean.index,
        (mean - sd).clip(0),
        (mean + sd).clip(upper=100),
        color=style["color"],
        alpha=0.15,
        linewidth=0,
    )


def _events(axes: Axes, part: pd.DataFrame, color: Any) -> None:
    """The end of stage 1, and drops of the learning rate, of one method."""
    epochs = part[part["seed"] == part["seed"].iloc[0]].set_index("epoch")
    stabilization = epochs[epochs["stage"] == 1].index
    if len(stabilization):
        axes.axvline(stabilization.max() + 0.5, color=color, linestyle="--", linewidth=0.6)
    rates = epochs["learning_rate"]
    for epoch in rates.index[rates < DROP * rates.shift()]:
        if rates[epoch] > 0 and epoch != rates.index[-1]:  # a cosine ends at 0: no drop
            axes.axvline(epoch - 0.5, color="0.6", linestyle=":", linewidth=0.6)

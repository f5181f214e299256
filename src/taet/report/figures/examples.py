"""Images of the rarest classes under attack: the perturbation and the attacked image; a row per method.

The method that is most robust in the tail comes first.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from taet.report.classes import MOST, class_texts
from taet.report.order import by_tail_robustness
from taet.report.style import LINE, PAGE_WIDTH, caption, heading, house_style, setting_of

SOURCES = ("examples", "summary")
GREY = 0.5  # nothing is added
GAP = 1 / 8  # of an image's width, between two
WRONG: dict[str, Any] = {"color": "#d55e00", "fontweight": "bold"}
Pixels = np.ndarray[Any, Any]


def draw(
    examples: pd.DataFrame,
    summary: pd.DataFrame,
    shown: Mapping[str, Any],
    about: Mapping[str, Any],
) -> Figure:
    """The figure.

    Args:
        examples: rows of examples.csv of one data set, imbalance ratio and architecture, with their images.
        summary: its rows over seeds.
        shown: ``report``, ``labels``, ``threat`` of the parameters.
        about: its setting, with the ``classes`` of the data set.
    """
    methods, threat = by_tail_robustness(summary, shown), shown["threat"]
    attack = shown["labels"]["attacks"][shown["report"].headline_attack]
    title, texts = class_texts(examples, about, MOST)
    scale = np.abs(np.stack(list(examples["added"]))).max() or 1.0
    clean = examples[examples["method"] == next(iter(methods))]
    panel = PAGE_WIDTH / (2 * len(clean) + 2.5)
    with house_style():
        size = (PAGE_WIDTH, (len(methods) + 1) * (panel + 2.3 * LINE))
        figure = Figure(figsize=size, layout="constrained")
        grid = figure.subplots(len(methods) + 1, len(clean), squeeze=False)
        for axes in grid.flat:
            axes.set_axis_off()
        for axes, row in zip(grid[0], clean.itertuples(), strict=True):
            _show(axes, row.image, np.ones_like(row.image))
            axes.set_title(f"{title} {texts[row.class_name]}", loc="left")
        for line, (method, label) in zip(grid[1:], methods.items(), strict=True):
            line[0].text(-0.07, 0.5, label, ha="right", va="center", transform=line[0].transAxes)
            rows = examples[examples["method"] == method].itertuples()
            for axes, row in zip(line, rows, strict=True):
                _show(axes, GREY + GREY * row.added / scale, row.image + row.added)
                _predictions(axes, texts, row)
        caption(
            figure,
            f"Top: clean images. Methods sorted by tail robustness: perturbation of {attack} (grey: no "
            f"change; full contrast: {scale / threat.eps:.3g} eps) and attacked image. An image that is "
            "misclassified when clean is not attacked. Below each pair: predicted class of the clean image, "
            "then of the attacked image if it differs; bold: wrong. "
            f"One network each, seed {examples['seed'].iloc[0]}",
        )
        heading(figure, setting_of(shown, about))
    return figure


def _show(axes: Axes, left: Pixels, right: Pixels) -> None:
    """Two images side by side in one panel, which is as wide as the text below them needs."""
    rows, columns, channels = left.shape
    gap = np.ones((rows, round(GAP * columns), channels))
    pixels = np.clip(np.concatenate([left, gap, right], axis=1), 0, 1)
    grey = channels == 1
    look = {"cmap": "gray" if grey else None, "vmin": 0, "vmax": 1, "interpolation": "nearest"}
    axes.imshow(pixels[..., 0] if grey else pixels, **look)


def _predictions(axes: Axes, texts: Mapping[str, str], row: Any) -> None:
    """The predicted classes below both images, from the left edge of the first: always two lines high."""
    below: dict[str, Any] = {"ha": "left", "va": "top", "transform": axes.transAxes}
    lines = {row.clean: f"{texts[row.clean]}\n"}
    if row.attacked != row.clean:
        lines[row.attacked] = f"\n\N{RIGHTWARDS ARROW} {texts[row.attacked]}"
    for predicted, line in lines.items():
        axes.text(0, -0.05, line, **below, **(WRONG if predicted != row.class_name else {}))

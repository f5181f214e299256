"""Images of the rarest classes under attack: the perturbation and the attacked image; a row per method."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from taet.report.classes import MOST, class_texts
from taet.report.style import LINE, PAGE_WIDTH, caption, heading, house_style, setting_of

SOURCE = "examples"
GREY = 0.5  # nothing is added
WRONG: dict[str, Any] = {"color": "#d55e00", "fontweight": "bold"}


def draw(examples: pd.DataFrame, shown: Mapping[str, Any], picture: Mapping[str, Any]) -> Figure:
    """The figure.

    Args:
        examples: rows of examples.csv of one data set, imbalance ratio and architecture, with their images.
        shown: ``report``, ``labels``, ``threat`` of the parameters.
        picture: its setting, with the ``classes`` of the data set.
    """
    methods, threat = shown["labels"]["methods"], shown["threat"]
    attack = shown["labels"]["attacks"][shown["report"].headline_attack]
    title, texts = class_texts(examples, picture, MOST)
    scale = np.abs(np.stack(list(examples["added"]))).max() or 1.0
    clean = examples[examples["method"] == next(iter(methods))]
    panel = PAGE_WIDTH / (2 * len(clean) + 2.5)
    with house_style():
        size = (PAGE_WIDTH, (len(methods) + 1) * (panel + 2.3 * LINE))
        figure = Figure(figsize=size, layout="constrained")
        grid = figure.subplots(len(methods) + 1, 2 * len(clean), squeeze=False)
        for axes in grid.flat:
            axes.set_axis_off()
        for i, row in enumerate(clean.itertuples()):
            _show(grid[0, 2 * i], row.image)
            grid[0, 2 * i].set_title(f"{title} {texts[row.class_name]}", loc="left")
        for line, (method, label) in zip(grid[1:], methods.items(), strict=True):
            line[0].text(-0.15, 0.5, label, ha="right", va="center", transform=line[0].transAxes)
            for i, row in enumerate(examples[examples["method"] == method].itertuples()):
                added, attacked = line[2 * i], line[2 * i + 1]
                _show(added, GREY + GREY * row.added / scale)
                _show(attacked, row.image + row.added)
                _predictions(added, texts, row)
        caption(
            figure,
            f"Top: clean images. In each row: the perturbation of {attack} and the attacked image. Full "
            f"contrast: a change of {scale:.3g} (eps {threat.eps:.3g}); grey: no change, everywhere if the "
            "clean image is already misclassified. Below: predicted class of the clean image, then of the "
            f"attacked image if it differs; bold: wrong. One network each, seed {examples['seed'].iloc[0]}",
        )
        heading(figure, setting_of(shown, picture))
    return figure


def _show(axes: Axes, image: "np.ndarray[Any, Any]") -> None:
    grey = image.shape[2] == 1
    pixels = np.clip(image[..., 0] if grey else image, 0, 1)
    axes.imshow(pixels, cmap="gray" if grey else None, vmin=0, vmax=1, interpolation="nearest")


def _predictions(axes: Axes, texts: Mapping[str, str], row: Any) -> None:
    """The predicted classes below both images, from the left edge of the first."""
    below: dict[str, Any] = {"ha": "left", "va": "top", "transform": axes.transAxes}
    axes.text(0, -0.05, texts[row.clean], **below, **(WRONG if row.clean != row.class_name else {}))
    if row.attacked != row.clean:
        text = f"\n\N{RIGHTWARDS ARROW} {texts[row.attacked]}"
        axes.text(0, -0.05, text, **below, **(WRONG if row.attacked != row.class_name else {}))

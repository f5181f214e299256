"""Images of the rarest classes under attack: what is added, and the sum; a row per method."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from taet.report.classes import MOST, class_texts
from taet.report.style import COLUMN, colors, house_style

SOURCE = "examples"
GREY = 0.5  # nothing is added


def draw(examples: pd.DataFrame, shown: Mapping[str, Any], picture: Mapping[str, Any]) -> Figure:
    """The figure.

    Args:
        examples: rows of examples.csv of one data set, imbalance ratio and architecture, with their images.
        shown: ``report``, ``labels``, ``threat`` of the parameters.
        picture: what this one is about, such as ``dataset``.
    """
    methods, threat = shown["labels"]["methods"], shown["threat"]
    attack = shown["labels"]["attacks"][shown["report"].headline_attack]
    title, texts = class_texts(examples, picture, MOST)
    scale = np.abs(np.stack(list(examples["added"]))).max() or 1.0
    clean = examples[examples["method"] == next(iter(methods))]
    panel = 2 * COLUMN / (2 * len(clean) + 2)
    with house_style():
        size = (2 * COLUMN, (len(methods) + 1) * (panel + 0.17) + 0.3)
        figure = Figure(figsize=size, layout="constrained")
        grid = figure.subplots(len(methods) + 1, 2 * len(clean), squeeze=False)
        for axes in grid.flat:
            axes.set_axis_off()
        for i, row in enumerate(clean.itertuples()):
            _show(grid[0, 2 * i], row.image)
            grid[0, 2 * i].set_title(
                f"{title} {texts[row.class_name]}", fontsize="medium", loc="left"
            )
        for line, (method, label) in zip(grid[1:], methods.items(), strict=True):
            line[0].text(-0.15, 0.5, label, ha="right", va="center", transform=line[0].transAxes)
            for i, row in enumerate(examples[examples["method"] == method].itertuples()):
                changed, attacked = line[2 * i], line[2 * i + 1]
                _show(changed, GREY + GREY * row.added / scale)
                _show(attacked, row.image + row.added)
                _say(changed, texts[row.clean], row.clean != row.class_name)
                _say(attacked, texts[row.attacked], row.attacked != row.class_name)
        figure.supxlabel(
            f"Above: the clean image. In each row: what {attack} adds (full contrast: {scale:.3g} of white, "
            f"eps {threat.eps:.3g};\ngrey: nothing, as where the clean image is misclassified already), and "
            f"the sum. Below each: the class that\nthe network sees in the clean image and in the sum; bold: "
            f"a wrong one. One network each, seed {examples['seed'].iloc[0]}",
            fontsize="medium",
        )
    return figure


def _show(axes: Axes, image: "np.ndarray[Any, Any]") -> None:
    grey = image.shape[2] == 1
    shown = np.clip(image[..., 0] if grey else image, 0, 1)
    axes.imshow(shown, cmap="gray" if grey else None, vmin=0, vmax=1, interpolation="nearest")


def _say(axes: Axes, predicted: str, wrong: bool) -> None:
    look = {"color": colors()[3], "fontweight": "bold"} if wrong else {}
    under = {"ha": "center", "va": "top", "fontsize": "small", "transform": axes.transAxes}
    axes.text(0.5, -0.05, predicted, **under, **look)

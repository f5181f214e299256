"""Images of the rarest classes under attack: the change of pixels and the attacked image; a row per method.

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
from taet.report.style import (
    CHARACTERS,
    LINE,
    PAGE_WIDTH,
    caption,
    heading,
    house_style,
    setting_of,
)

SOURCES = ("examples", "summary")
GRAY = 0.5  # nothing is added
GAP = 1 / 8  # of an image's width, between two
HEADS = {0.25: "change", 0.75: "attacked"}  # of the two images, by their place in a panel
ARROW = " \N{RIGHTWARDS ARROW} "
BOLD = 1.2  # widths of a letter
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
    one_line = _widest(examples, texts) <= (2 + GAP) * panel * CHARACTERS
    lines = 1 if one_line else 2
    with house_style():
        size = (PAGE_WIDTH, (len(methods) + 1) * (panel + (0.9 * lines + 0.6) * LINE) + LINE)
        figure = Figure(figsize=size, layout="constrained")
        grid = figure.subplots(len(methods) + 1, len(clean), squeeze=False)
        for axes in grid.flat:
            axes.set_axis_off()
        for axes, row in zip(grid[0], clean.itertuples(), strict=True):
            _show(axes, row.image)
            axes.set_title(f"{title} {texts[row.class_name]}")
        for axes in grid[1]:
            for place, head in HEADS.items():
                axes.text(place, 1.05, head, ha="center", va="bottom", transform=axes.transAxes)
        for line, label in zip(grid, ["clean", *methods.values()], strict=True):
            line[0].text(-0.07, 0.5, label, ha="right", va="center", transform=line[0].transAxes)
        for line, method in zip(grid[1:], methods, strict=True):
            rows = examples[examples["method"] == method].itertuples()
            for axes, row in zip(line, rows, strict=True):
                _show(axes, GRAY + GRAY * row.added / scale, row.image + row.added)
                _predictions(axes, texts, row, one_line)
        caption(figure, f"{_caption(attack, scale / threat.eps)} {examples['seed'].iloc[0]}")
        heading(figure, setting_of(shown, about))
    return figure


def _caption(attack: str, contrast: float) -> str:
    return (
        f"Change: pixels that {attack} adds (gray: none; full contrast: {contrast:.3g} eps). "
        "Below: predicted class of the clean image, then of the attacked one if it differs; bold: wrong. "
        "An image that is misclassified when clean is not attacked. Methods sorted by tail robustness. "
        "One network each, seed"
    )


def _show(axes: Axes, *images: Pixels) -> None:
    """One image in the middle of a panel, or two side by side; panels are as wide as two."""
    rows, columns, channels = images[0].shape
    gap = round(GAP * columns)
    pixels = np.ones((rows, 2 * columns + gap, channels))
    starts = (0, columns + gap) if len(images) > 1 else ((columns + gap) // 2,)
    for start, image in zip(starts, images, strict=True):
        pixels[:, start : start + columns] = np.clip(image, 0, 1)
    gray = channels == 1
    look = {"cmap": "gray" if gray else None, "vmin": 0, "vmax": 1, "interpolation": "nearest"}
    axes.imshow(pixels[..., 0] if gray else pixels, **look)


def _widest(examples: pd.DataFrame, texts: Mapping[str, str]) -> float:
    """Characters of the longest line that has both predictions of an image."""
    changed = examples[examples["clean"] != examples["attacked"]]
    pairs = zip(changed["clean"], changed["attacked"], strict=True)
    both = [len(texts[clean]) + BOLD * len(ARROW + texts[attacked]) for clean, attacked in pairs]
    return max(both, default=0)


def _predictions(axes: Axes, texts: Mapping[str, str], row: Any, one_line: bool) -> None:
    """The predicted classes below both images, from the left edge of the first: in one line or two."""
    look = {name: {} if name == row.class_name else WRONG for name in (row.clean, row.attacked)}
    left: dict[str, Any] = {"ha": "left", "va": "top", "transform": axes.transAxes}
    first = axes.text(0, -0.05, texts[row.clean], **left, **look[row.clean])
    if row.attacked == row.clean:
        return
    after = ARROW + texts[row.attacked]
    if one_line:
        beside = {"xycoords": first, "ha": "left", "va": "bottom"}
        axes.annotate(after, (1, 0), **beside, **look[row.attacked])
    else:
        axes.text(0, -0.05, f"\n{after.lstrip()}", **left, **look[row.attacked])

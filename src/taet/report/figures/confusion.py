"""Confusion matrices, clean and attacked: which classes are taken for which.

With few methods each has its matrices; with more, only rows of the rarest classes are shown, each in a panel
where methods can be compared. The method that is most robust in the tail comes first.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from taet.report.classes import class_texts
from taet.report.order import by_tail_robustness
from taet.report.style import (
    LINE,
    PAGE_WIDTH,
    caption,
    grid_shape,
    heading,
    house_style,
    room_for,
    setting_of,
    upright,
)

SOURCES = ("confusion", "summary")
MOST_MATRICES = 4  # methods that have matrices of their own
RAREST = 3  # classes that are shown with more methods
LABELS = 10  # on an axis
SHARE = "Images of the true class (%)"
SCALE: dict[str, Any] = {"vmin": 0, "vmax": 100, "cmap": "cividis"}
Titles = Mapping[str, str]


def draw(
    confusion: pd.DataFrame,
    summary: pd.DataFrame,
    shown: Mapping[str, Any],
    about: Mapping[str, Any],
) -> Figure:
    """The figure.

    Args:
        confusion: rows of confusion.csv of one data set, imbalance ratio and architecture.
        summary: its rows over seeds.
        shown: ``report``, ``labels`` of the parameters.
        about: its setting, with the ``classes`` of the data set and their order by ``frequency``.
    """
    attack, methods = shown["report"].headline_attack, by_tail_robustness(summary, shown)
    attacks = {"clean": "clean", attack: shown["labels"]["attacks"][attack]}
    shares = (
        100
        * confusion.groupby(["method", "attack", "true", "predicted"], sort=False)["share"].mean()
    )
    noun, texts = _class_texts(list(dict.fromkeys(confusion["true"])), about)
    draw_part = _matrices if len(methods) <= MOST_MATRICES else _rarest
    with house_style():
        figure = draw_part(shares, methods, attacks, texts, about)
        for axes in figure.axes:
            if axes.images and axes.get_subplotspec().is_last_row():
                axes.set_xlabel(f"Predicted {noun}")
        seeds = confusion["seed"].nunique()
        caption(
            figure,
            "Methods sorted by tail robustness; "
            f"{f'means over n = {seeds} seeds' if seeds > 1 else 'one seed, n = 1'}",
        )
        heading(figure, setting_of(shown, about))
    return figure


def _class_texts(numbers: Sequence[str], about: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """Whether there are classes or groups, and what they are called, by their number in confusion.csv."""
    if not numbers[0].isdecimal():
        return "group", {group: group for group in numbers}
    names = {str(number): name for name, number in about.get("classes", {}).items()}
    rows = pd.DataFrame(
        {"class_name": [names.get(n, n) for n in numbers], "class_index": list(numbers)}
    )
    _, texts = class_texts(rows, about)
    return "class", {n: texts[names.get(n, n)] for n in numbers}


def _matrices(
    shares: "pd.Series[Any]",
    methods: Titles,
    attacks: Titles,
    texts: Titles,
    about: Mapping[str, Any],
) -> Figure:
    """True classes in rows: a panel for each method, clean and attacked."""
    rows, columns = grid_shape(len(methods), 2)
    below = room_for(list(texts.values()))
    height = (2.1 if columns > 1 else 3.4) + below
    figure = Figure(figsize=(PAGE_WIDTH, height * rows + LINE), layout="constrained")
    grid = figure.subplots(rows, len(attacks) * columns, sharey=True, squeeze=False)
    panels = [(m, a) for m in methods for a in attacks]
    for axes, (method, attack) in zip(grid.flat, panels, strict=False):
        matrix = shares[method, attack].unstack(sort=False)
        image = axes.imshow(matrix.to_numpy(), **SCALE)
        axes.set_title(f"{methods[method]}\n{attacks[attack]}")
        _label_columns(axes, [texts[name] for name in matrix.columns])
        ticks = np.arange(0, len(matrix), -(-len(matrix) // LABELS))
        axes.set_yticks(ticks, [texts[name] for name in matrix.index[ticks]])
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    for axes in grid[:, 0]:
        axes.set_ylabel("True class")
    figure.colorbar(image, ax=grid, label=SHARE)
    return figure


def _rarest(
    shares: "pd.Series[Any]",
    methods: Titles,
    attacks: Titles,
    texts: Titles,
    about: Mapping[str, Any],
) -> Figure:
    """Methods in rows: a panel for each of the rarest classes, clean and attacked."""
    if "tail" in texts:
        rarest = ["tail"]
    else:
        rarest = [n for n in about.get("frequency", texts) if n in texts][-RAREST:]
    below = room_for(list(texts.values()))
    height = 0.2 + below + len(attacks) * (1.1 * LINE * len(methods) + 0.3)
    figure = Figure(figsize=(PAGE_WIDTH, height), layout="constrained")
    grid = figure.subplots(len(attacks), len(rarest), sharex=True, sharey=True, squeeze=False)
    for line, (attack, attack_title) in zip(grid, attacks.items(), strict=True):
        for axes, number in zip(line, rarest, strict=True):
            table = pd.DataFrame({m: shares[m, attack, number] for m in methods}).T
            table = table[list(texts)]
            image = axes.imshow(table.to_numpy(), aspect="auto", **SCALE)
            axes.set_title(f"true: {texts[number]}, {attack_title}")
            _label_columns(axes, [texts[name] for name in table.columns])
        line[0].set_yticks(range(len(methods)), list(methods.values()))
    figure.colorbar(image, ax=grid, label=SHARE)
    return figure


def _label_columns(axes: Axes, names: Sequence[str]) -> None:
    ticks = range(0, len(names), -(-len(names) // LABELS))
    axes.set_xticks(ticks, [names[tick] for tick in ticks])
    upright(axes, names)

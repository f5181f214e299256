"""Balanced robustness over the weights alpha, beta and gamma of HARL: a heat map for each gamma."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from taet.report.style import COLUMN, caption, heading, house_style, setting_of, spread
from taet.scores.summary import of_groups, shown_rows

REQUIRES = {"varying": ["alpha", "beta", "gamma"], "methods": 4}


def draw(summary: pd.DataFrame, shown: Mapping[str, Any], about: Mapping[str, Any]) -> Figure:
    """The figure; combinations that the study does not have stay empty.

    Args:
        summary: rows over seeds of one data set, imbalance ratio and architecture.
        shown: ``report``, ``labels``, ``variants`` of the parameters.
        about: its setting, with ``kind``, and the ``methods`` that differ in the three ``options`` alone.
    """
    report, labels = shown["report"], shown["labels"]
    variants = shown["variants"][about["kind"]]
    summary = shown_rows(summary, report)
    attack = report.figure_attack
    values = of_groups(summary).set_index(["method", "attack", "scope"])["balanced_accuracy"]
    percent = {
        tuple(variants[m].get(weight) for weight in about["options"]): 100
        * values[m, attack, "all"]
        for m in about["methods"]
    }
    alphas, betas, gammas = (sorted(set(axis)) for axis in zip(*percent, strict=True))
    low, high = min(percent.values()), max(percent.values())
    with house_style():
        width = COLUMN if len(gammas) < 3 else 1.5 * COLUMN
        figure = Figure(figsize=(width, 1.8), layout="constrained")
        grid = figure.subplots(1, len(gammas), sharey=True, squeeze=False)
        for axes, gamma in zip(grid[0], gammas, strict=True):
            cells = np.array([[percent.get((a, b, gamma), np.nan) for b in betas] for a in alphas])
            image = axes.imshow(cells, cmap="cividis", vmin=low, vmax=high, origin="lower")
            _write_numbers(axes, cells, (low + high) / 2)
            axes.set_xticks(range(len(betas)), [f"{b:g}" for b in betas])
            axes.set_yticks(range(len(alphas)), [f"{a:g}" for a in alphas])
            axes.set_xlabel(r"$\beta$ (HDL)", parse_math=True)
            axes.set_title(rf"$\gamma$ (RCEL) = {gamma:g}", parse_math=True)
        grid[0, 0].set_ylabel(r"$\alpha$ (BCL)", parse_math=True)
        figure.colorbar(image, ax=grid[0].tolist(), label=f"BR, {labels['attacks'][attack]} (%)")
        holes = len(percent) < len(alphas) * len(betas) * len(gammas)
        basis = spread(summary, report.test_set, bars=False)
        caption(figure, f"All classes. {basis}{'; empty: not part of the study' if holes else ''}")
        heading(figure, setting_of(shown, about))
    return figure


def _write_numbers(axes: Axes, cells: "np.ndarray[Any, Any]", middle: float) -> None:
    for (row, column), value in np.ndenumerate(cells):
        if not np.isnan(value):
            color = "black" if value > middle else "white"
            axes.text(column, row, f"{value:.1f}", ha="center", va="center", color=color)

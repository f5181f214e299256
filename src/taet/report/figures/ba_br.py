"""Balanced robustness against balanced accuracy, for all classes and for tail classes.

Methods whose markers overlap are named beside them, where there is room.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from taet.report.style import (
    BARS,
    BETTER,
    SCOPE_TITLES,
    caption,
    heading,
    house_style,
    means_and_bars,
    method_styles,
    name_methods,
    setting_of,
    side_by_side,
    spread,
    value_bar,
)
from taet.scores.summary import shown_rows

REQUIRES = {"methods": 2}
ABOVE_BARS = 3  # of matplotlib's layers: no bar of another method crosses a marker
MARKER = np.array([0.02, 0.04])  # width and height of a marker as shares of a panel
LETTER = np.array([0.03, 0.08])  # the same of a letter
NAME_OFFSET = 4  # points, of a name from its marker
CORNERS = ((-1, 1), (-1, -1), (1, 1), (1, -1))  # where a name may be, the first preferred


def draw(summary: pd.DataFrame, shown: Mapping[str, Any], about: Mapping[str, Any]) -> Figure:
    """The figure.

    Args:
        summary: rows over seeds of one data set, imbalance ratio and architecture.
        shown: ``report``, ``labels``, ``families`` of the parameters.
        about: its setting.
    """
    report, labels = shown["report"], shown["labels"]
    summary = shown_rows(summary, report)
    scopes = [s for s in SCOPE_TITLES if s in set(summary["scope"])]
    with house_style():
        figure, panels = side_by_side(len(scopes))
        for axes, scope in zip(panels, scopes, strict=True):
            part = summary[summary["scope"] == scope].set_index(["method", "attack"])
            positions = {}
            for method, style in method_styles(shown).items():
                ba, ba_bar = means_and_bars([value_bar(part.loc[(method, "clean")])])
                br, br_bar = means_and_bars([value_bar(part.loc[(method, report.figure_attack)])])
                points, *_ = axes.errorbar(
                    ba, br, xerr=ba_bar, yerr=br_bar, label=method, linestyle="", **style, **BARS
                )
                points.set_zorder(ABOVE_BARS)
                positions[labels["methods"][method]] = (*ba, *br)
            axes.set_title(SCOPE_TITLES[scope])
            axes.set_xlabel(f"Balanced accuracy (%), {BETTER}")
            axes.margins(0.12)
            _name_hidden(axes, positions)
        panels[0].set_ylabel(f"BR, {labels['attacks'][report.figure_attack]} (%), {BETTER}")
        caption(figure, spread(summary, report.test_set))
        name_methods(figure, labels["methods"])
        heading(figure, setting_of(shown, about))
    return figure


def _name_hidden(axes: Axes, positions: Mapping[str, tuple[float, float]]) -> None:
    """Write the names of methods whose markers overlap beside them.

    Args:
        axes: with everything drawn, so that its limits are final.
        positions: BA and BR in per cent by label.
    """
    ends = np.array([axes.get_xlim(), axes.get_ylim()]).T
    shares = {
        label: (np.array(p) - ends[0]) / np.ptp(ends, axis=0) for label, p in positions.items()
    }
    for group in _overlapping(shares):
        names, center = ", ".join(group), np.mean([shares[label] for label in group], axis=0)
        others = [share for label, share in shares.items() if label not in group]
        corner = _free_corner(center, len(names), others)
        if corner is None:
            continue  # many variants of one method, which the forest plot tells apart
        side, up = corner
        axes.annotate(
            names,
            center,
            (side * NAME_OFFSET, up * NAME_OFFSET),
            xycoords="axes fraction",
            textcoords="offset points",
            ha="left" if side > 0 else "right",
            va="bottom" if up > 0 else "top",
            in_layout=False,
        )


def _overlapping(shares: Mapping[str, Any]) -> list[list[str]]:
    """Groups of methods in which each marker overlaps with another one of the group.

    Args:
        shares: by label, positions as shares of the panel's width and height.
    """
    groups: list[list[str]] = []
    for label, share in shares.items():
        touched = [
            group
            for group in groups
            if any((abs(shares[other] - share) < MARKER).all() for other in group)
        ]
        groups = [group for group in groups if group not in touched]
        groups.append([*(other for group in touched for other in group), label])
    return [group for group in groups if len(group) > 1]


def _free_corner(center: Any, characters: int, others: Sequence[Any]) -> tuple[int, int] | None:
    """Where a name neither leaves the panel nor covers another marker; (-1, 1) is to the left and above."""
    size = np.array([characters, 1]) * LETTER
    for corner in CORNERS:
        low, high = np.sort([center, center + corner * (size + MARKER)], axis=0)
        inside = (low >= 0).all() and (high <= 1).all()
        if inside and not any(((low < o) & (o < high)).all() for o in others):
            return corner
    return None

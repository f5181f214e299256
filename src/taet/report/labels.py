"""Where labels of points go: beside them, and upon no marker or other label."""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke

MARKER = np.array([0.02, 0.04])  # width and height of a marker as shares of a panel
LETTER = np.array([0.03, 0.08])  # the same of a letter
NAME_OFFSET = 4  # points, of a name from its marker
CORNERS = ((-1, 1), (-1, -1), (1, 1), (1, -1))  # where a name may be, the first preferred
DISTANCES = range(3, 40)  # of a number from its marker, in heights of half a marker
DIRECTIONS = np.radians(np.arange(0, 360, 15))
HALO = [withStroke(linewidth=1.5, foreground="white")]  # legible upon bars

Shares = Any  # of a panel's width and height
Points = Mapping[str, tuple[float, float]]


def name_hidden(axes: Axes, positions: Points) -> None:
    """Write the names of points whose markers overlap beside them, where there is room.

    Args:
        axes: with everything drawn, so that its limits are final.
        positions: x and y of markers, by name.
    """
    shares = _shares(axes, positions)
    for group in _overlapping(shares):
        names, center = ", ".join(group), np.mean([shares[label] for label in group], axis=0)
        others = [share for label, share in shares.items() if label not in group]
        corner = free_corner(center, len(names), others)
        if corner is None:
            continue
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


def number_all(axes: Axes, positions: Points) -> None:
    """Write 1, 2, ... beside the points, with a line to each; arguments: see ``name_hidden``."""
    shares = _shares(axes, positions)
    markers, placed = list(shares.values()), []
    for number, marker in enumerate(markers, 1):
        place, size = free_place(marker, len(str(number)), markers, placed)
        placed.append((place, size))
        axes.annotate(
            str(number),
            marker,
            place,
            xycoords="axes fraction",
            textcoords="axes fraction",
            ha="center",
            va="center",
            in_layout=False,
            path_effects=HALO,
            arrowprops={"arrowstyle": "-", "linewidth": 0.5, "color": "0.3", "shrinkA": 0, "shrinkB": 2},
        )  # fmt: skip


def _shares(axes: Axes, positions: Points) -> dict[str, Shares]:
    """Positions as shares of the panel, by name."""
    ends = np.array([axes.get_xlim(), axes.get_ylim()]).T
    return {name: (np.array(p) - ends[0]) / np.ptp(ends, axis=0) for name, p in positions.items()}


def _overlapping(shares: Mapping[str, Shares]) -> list[list[str]]:
    """Groups of names in which each marker overlaps with another one of the group."""
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


def free_corner(
    center: Shares, characters: int, others: Sequence[Shares]
) -> tuple[int, int] | None:
    """Where a name neither leaves the panel nor covers another marker; (-1, 1) is to the left and above."""
    size = np.array([characters, 1]) * LETTER
    for corner in CORNERS:
        low, high = np.sort([center, center + corner * (size + MARKER)], axis=0)
        inside = (low >= 0).all() and (high <= 1).all()
        if inside and not any(((low < o) & (o < high)).all() for o in others):
            return corner
    return None


def free_place(
    marker: Shares,
    characters: int,
    markers: Sequence[Shares],
    placed: Sequence[tuple[Shares, Shares]],
) -> tuple[Shares, Shares]:
    """The nearest place for a number that is in the panel and touches no marker and no other number.

    Args:
        markers: all of the panel.
        placed: centers and sizes of the numbers that have their place.

    Returns:
        Center and size of the number; in a panel without room, the farthest place.
    """
    size = np.array([characters, 1]) * LETTER
    for place in _around(marker):
        inside = (place >= size / 2).all() and (place <= 1 - size / 2).all()
        apart = all((abs(place - other) > (size + MARKER) / 2).any() for other in markers)
        alone = all(
            (abs(place - other) > (size + of_other) / 2).any() for other, of_other in placed
        )
        if inside and apart and alone:
            break
    return place, size


def _around(marker: Shares) -> Iterator[Shares]:
    """Places around a marker, the nearest first."""
    for distance, angle in product(DISTANCES, DIRECTIONS):
        yield marker + distance * MARKER / 2 * [math.cos(angle), math.sin(angle)]

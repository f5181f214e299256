"""A row for each method: balanced accuracy and robustness, in several selections."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from taet.report.tables.cells import number_text, standing
from taet.report.tables.place import CHECKPOINT_TITLES, Column, Place
from taet.report.typeset import Mark, Table
from taet.scores.summary import of_groups


def method_table(
    place: Place, title: str, columns: Sequence[Column], methods: Sequence[str] | None = None
) -> Table:
    """A row for each method; in each column the best and the second stand out.

    Args:
        methods: some of the methods; all if None.
    """
    chosen = list(place.methods) if methods is None else list(methods)
    values = of_groups(place.part).set_index(["method", "attack", "scope"])
    rows = [[place.methods[method]] for method in chosen]
    marks: dict[tuple[int, int], Mark] = {}
    for column, (attack, scope, _) in enumerate(columns, 1):
        found = [values.loc[(method, attack, scope)] for method in chosen]
        means = place.ranked(chosen, [row["balanced_accuracy"] for row in found])
        standings = standing(means)
        marks |= {(row, column): mark for row, mark in standings.items()}
        best = next((chosen[i] for i, mark in standings.items() if mark == "best"), None)
        for row, method, value, mean in zip(rows, chosen, found, means, strict=True):
            pair = place.pair(method, best, attack, scope) if best and mean == mean else None
            row.append(
                number_text(value) + (" ≈" if pair is not None and _is_open(pair, place) else "")
            )
    head = ["Method", *(name for _, _, name in columns)]
    return Table(place.title, title, place.note(columns), head, rows, marks)


def _is_open(pair: pd.Series, place: Place) -> bool:
    """Whether a difference may be none: its interval has 0, or the test over seeds does not exclude it.

    By itself: with three seeds a test corrected for all pairs finds next to nothing. Of one seed nothing can
    be told, which the note says once.
    """
    if place.seeds == 1:
        return False
    level = 1 - place.shown["report"].confidence
    return bool(pair["low"] <= 0 <= pair["high"] or pair["p"] >= level)


def costs_table(place: Place, columns: Sequence[Column]) -> Table:
    """What a training costs, beside what it gives."""
    plain = method_table(place, "what training costs", columns)
    costs = place.shown["costs"]
    least = min(costs.values())
    rows = [
        [row[0], f"{costs[method]:.0f}", f"{costs[method] / least:.1f}", *row[1:]]
        for method, row in zip(place.methods, plain.rows, strict=True)
    ]
    note = (
        f"Passes: forward and backward passes of each training image through the network, in the whole "
        f"training with its stage 1; ratio: to the cheapest method here. {plain.note}"
    )
    head = [plain.head[0], "Passes", "Ratio", *plain.head[1:]]
    marks = {(row, column + 2): mark for (row, column), mark in plain.marks.items()}
    return Table(plain.place, plain.title, note, head, rows, marks)


def checkpoints_table(place: Place, columns: Sequence[Column]) -> Table:
    """Every checkpoint of every method."""
    values = of_groups(place.everything)
    values = values.set_index(["method", "checkpoint", "attack", "scope"])
    checkpoints = list(dict.fromkeys(place.everything["checkpoint"]))
    keys = [(attack, scope, c) for attack, scope, _ in columns for c in checkpoints]
    rows = [
        [label, *(number_text(values.loc[(method, c, attack, scope)]) for attack, scope, c in keys)]
        for method, label in place.methods.items()
    ]
    head = ["Method", *(f"{title}, {c}" for _, _, title in columns for c in checkpoints)]
    titles = "; ".join(f"{c}: {CHECKPOINT_TITLES[c].lower()}" for c in checkpoints)
    note = f"{titles}. {place.note(columns, marked=False, checkpoints=True)}"
    return Table(place.title, "checkpoints", note, head, rows)


def variants_table(
    place: Place, columns: Sequence[Column], methods: Mapping[str, Mapping[str, Any]]
) -> Table:
    """Options in which methods of one kind differ, and what comes of it."""
    options = list(next(iter(methods.values())))
    plain = method_table(place, "variants", columns, list(methods))
    rows = [
        [row[0], *(option_text(values[name]) for name in options), *row[1:]]
        for row, values in zip(plain.rows, methods.values(), strict=True)
    ]
    head = [plain.head[0], *options, *plain.head[1:]]
    marks = {(row, column + len(options)): mark for (row, column), mark in plain.marks.items()}
    return Table(plain.place, plain.title, plain.note, head, rows, marks)


def option_text(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)

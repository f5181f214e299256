"""A row for each method: balanced accuracy and robustness, in several selections."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from taet.report.tables.cells import number_text, ranks
from taet.report.tables.setting import BALANCED, DISPARITY, Column, SettingResults
from taet.report.tables.table_note import CHECKPOINT_TITLES, table_note
from taet.report.typeset import NONE, Mark, Table
from taet.scores import tukey
from taet.scores.summary import of_groups


def method_table(
    setting: SettingResults,
    title: str,
    columns: Sequence[Column],
    methods: Sequence[str] | None = None,
) -> Table:
    """A row for each method; in each column the best and the second are marked.

    Args:
        methods: some of the methods; all if None.
    """
    chosen = list(setting.methods) if methods is None else list(methods)
    values = of_groups(setting.rows).set_index(["method", "attack", "scope"])
    rows = [[setting.methods[method]] for method in chosen]
    marks: dict[tuple[int, int], Mark] = {}
    for number, column in enumerate(columns, 1):
        cell_of = {m: values.loc[(m, column.attack, column.scope)] for m in chosen}
        cells = column_cells(setting, cell_of, column)
        for row, (texts, cell) in enumerate(zip(rows, cells, strict=True)):
            texts.append(cell.text)
            if cell.mark:
                marks[row, number] = cell.mark
    head = ["Method", *(column.title for column in columns)]
    return Table(setting.title, title, table_note(setting, columns), head, rows, marks)


@dataclass(frozen=True)
class TableCell:
    """A number of a method.

    Attributes:
        text: with its interval and signs.
        mark: whether it is the best of its column, or the second.
        to_best: its difference to the best, None where there is none.
    """

    text: str
    mark: Mark | None
    to_best: Any


def column_cells(
    setting: SettingResults, rows: Mapping[str, Any], column: Column
) -> list[TableCell]:
    """Numbers of methods. Balanced accuracies are compared with each other.

    Args:
        rows: of the summary, by method.
    """
    methods = list(rows)
    means = setting.ranked(methods, [row[column.metric] for row in rows.values()])
    marks = {} if column.metric in DISPARITY else ranks(means)
    best = [methods[i] for i, mark in marks.items() if mark == "best"]
    compared = best and column.scope in tukey.COMPARED and column.metric == BALANCED
    cells = []
    for i, (method, mean) in enumerate(zip(methods, means, strict=True)):
        behind = compared and method not in best and mean == mean
        pair = setting.difference(method, best[0], column.attack, column.scope) if behind else None
        equal = " ≈" if _may_be_equal(pair) else ""
        cells.append(
            TableCell(f"{number_text(rows[method], column.metric)}{equal}", marks.get(i), pair)
        )
    return cells


def _may_be_equal(pair: Any) -> bool:
    """Whether a difference is not significant; nothing is known of one without an interval."""
    return pair is not None and pair["low"] == pair["low"] and not tukey.is_significant(pair)


def costs_table(setting: SettingResults, columns: Sequence[Column]) -> Table:
    """What a training costs, beside what it gives."""
    plain = method_table(setting, "cost of training", columns)
    costs = setting.shown["costs"]
    least = min(costs.values())
    rows = [
        [row[0], f"{costs[method]:,.0f}", f"{costs[method] / least:.1f}", *row[1:]]
        for method, row in zip(setting.methods, plain.rows, strict=True)
    ]
    note = (
        "Passes per image: forward and backward passes per training image in the whole training, stage 1 "
        f"included. Ratio: to the cheapest method. {plain.note}"
    )
    head = [plain.head[0], "Passes per image", "Ratio", *plain.head[1:]]
    marks = {(row, column + 2): mark for (row, column), mark in plain.marks.items()}
    return Table(plain.about, plain.title, note, head, rows, marks)


def checkpoints_table(setting: SettingResults, columns: Sequence[Column]) -> Table:
    """Every checkpoint of every method."""
    values = of_groups(setting.all_checkpoints)
    values = values.set_index(["method", "checkpoint", "attack", "scope"])
    checkpoints = list(dict.fromkeys(setting.all_checkpoints["checkpoint"]))
    cells = [(column, c) for column in columns for c in checkpoints]
    rows = [
        [
            label,
            *(
                number_text(values.loc[(method, c, column.attack, column.scope)], column.metric)
                for column, c in cells
            ),
        ]
        for method, label in setting.methods.items()
    ]
    head = ["Method", *(f"{column.title}, {c}" for column, c in cells)]
    titles = "; ".join(f"{c}: {CHECKPOINT_TITLES[c].lower()}" for c in checkpoints)
    note = f"{titles}. {table_note(setting, columns, marked=False, checkpoints=True)}"
    return Table(setting.title, "checkpoints", note, head, rows)


def variants_table(
    setting: SettingResults, columns: Sequence[Column], methods: Mapping[str, Mapping[str, Any]]
) -> Table:
    """Options in which methods of one kind differ, and what comes of it."""
    options = list(next(iter(methods.values())))
    plain = method_table(setting, "variants", columns, list(methods))
    rows = [
        [row[0], *(option_text(values[name]) for name in options), *row[1:]]
        for row, values in zip(plain.rows, methods.values(), strict=True)
    ]
    head = [plain.head[0], *options, *plain.head[1:]]
    marks = {(row, column + len(options)): mark for (row, column), mark in plain.marks.items()}
    return Table(plain.about, plain.title, plain.note, head, rows, marks)


def option_text(value: Any) -> str:
    if value is None:
        return NONE
    return f"{value:.4g}" if isinstance(value, float) else str(value)

"""A row for each method: balanced accuracy and robustness, in several selections."""

from collections.abc import Mapping, Sequence
from typing import Any

from taet.report.tables.cells import number_text, ranks
from taet.report.tables.setting import Column, SettingResults
from taet.report.tables.table_note import CHECKPOINT_TITLES, table_note
from taet.report.typeset import Mark, Table
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
    for number, (attack, scope, _) in enumerate(columns, 1):
        cells = [values.loc[(method, attack, scope)] for method in chosen]
        means = setting.ranked(chosen, [cell["balanced_accuracy"] for cell in cells])
        marks_of_column = ranks(means)
        marks |= {(row, number): mark for row, mark in marks_of_column.items()}
        best = [chosen[i] for i, mark in marks_of_column.items() if mark == "best"]
        for row, method, cell, mean in zip(rows, chosen, cells, means, strict=True):
            behind = best and method not in best and mean == mean
            pair = setting.difference(method, best[0], attack, scope) if behind else None
            row.append(number_text(cell) + (" ≈" if _may_be_equal(pair) else ""))
    head = ["Method", *(name for _, _, name in columns)]
    return Table(setting.title, title, table_note(setting, columns), head, rows, marks)


def _may_be_equal(pair: Any) -> bool:
    """Whether a difference is not significant; nothing is known of one without an interval."""
    return pair is not None and pair["low"] == pair["low"] and not tukey.is_significant(pair)


def costs_table(setting: SettingResults, columns: Sequence[Column]) -> Table:
    """What a training costs, beside what it gives."""
    plain = method_table(setting, "what training costs", columns)
    costs = setting.shown["costs"]
    least = min(costs.values())
    rows = [
        [row[0], f"{costs[method]:.0f}", f"{costs[method] / least:.1f}", *row[1:]]
        for method, row in zip(setting.methods, plain.rows, strict=True)
    ]
    note = (
        "Passes: forward and backward passes per training image in the whole training, stage 1 included; "
        f"ratio: to the cheapest method. {plain.note}"
    )
    head = [plain.head[0], "Passes", "Ratio", *plain.head[1:]]
    marks = {(row, column + 2): mark for (row, column), mark in plain.marks.items()}
    return Table(plain.about, plain.title, note, head, rows, marks)


def checkpoints_table(setting: SettingResults, columns: Sequence[Column]) -> Table:
    """Every checkpoint of every method."""
    values = of_groups(setting.all_checkpoints)
    values = values.set_index(["method", "checkpoint", "attack", "scope"])
    checkpoints = list(dict.fromkeys(setting.all_checkpoints["checkpoint"]))
    keys = [(attack, scope, c) for attack, scope, _ in columns for c in checkpoints]
    rows = [
        [label, *(number_text(values.loc[(method, c, attack, scope)]) for attack, scope, c in keys)]
        for method, label in setting.methods.items()
    ]
    head = ["Method", *(f"{title}, {c}" for _, _, title in columns for c in checkpoints)]
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
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)

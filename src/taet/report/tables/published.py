"""Our numbers beside those that others have published."""

import math
from typing import Any

import pandas as pd

from taet.report.tables.cells import MINUS, interval, number_text
from taet.report.tables.setting import Column, SettingResults
from taet.report.tables.table_note import table_note
from taet.report.typeset import NONE, Table, percent


def published_table(setting: SettingResults) -> Table:
    """Ours beside published numbers, with the difference and both errors."""
    report, labels = setting.shown["report"], {"clean": "BA", **setting.shown["labels"]["attacks"]}
    values = setting.rows[setting.rows["scope"] == "all"].set_index(["method", "attack"])
    attacks = [name for name in labels if any(row["attack"] == name for row in setting.published)]
    by_row: dict[tuple[str, ...], dict[str, dict[str, Any]]] = {}
    for row in setting.published:
        about = (row[name] or "?" for name in ("source", "architecture", "test_set", "selection"))
        cells = by_row.setdefault((row["method"], *about), {})
        assert row["attack"] not in cells, row
        cells[row["attack"]] = row
    rows = [
        [
            setting.methods[method],
            *(text.replace("_", " ") for text in about),
            *(
                cell
                for attack in attacks
                for cell in _beside(cells.get(attack), values.loc[(method, attack)])
            ),
        ]
        for (method, *about), cells in by_row.items()
    ]
    head = ["Method", "Published by", "Network", "Test set", "Checkpoint"]
    for attack in attacks:
        title = labels[attack] if attack == "clean" else f"BR {labels[attack]}"
        head += [f"{title} published", "ours", "difference"]
    columns = [
        Column(attack, "all", title) for attack, title in labels.items() if attack in attacks
    ]
    note = (
        "Published numbers: as printed, or read off a figure (± reading error); their sources state no "
        "error. Difference: ours minus published; ± adds reading error and half of our "
        f"{percent(report.confidence)} interval in quadrature. A difference is a failed reproduction only if "
        "network, epochs, checkpoint and test set agree with ours. "
        f"{table_note(setting, columns, marked=False)}"
    )
    return Table(setting.title, "beside published numbers", note, head, rows)


def _beside(published: dict[str, Any] | None, ours: pd.Series) -> list[str]:
    """Published number, ours, and the difference; in per cent."""
    if published is None:
        return [NONE] * 3
    reading = published["uncertainty"] or 0.0
    low, high = interval(ours)
    error = math.hypot(reading, 50 * (high - low))
    difference = 100 * ours["balanced_accuracy"] - published["value"]
    theirs = f"{published['value']:g}" + (f" ± {reading:g}" if reading else "")
    return [
        theirs,
        number_text(ours),
        f"{difference:+.1f}".replace("-", MINUS) + (f" ± {error:.1f}" if error == error else ""),
    ]

"""Results that others have published, as data: ``data/reference/*.csv``; see its README. No torch."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from taet.study.params.blocks import Params, ir_label

FOLDER = Path("data/reference")
UNUSABLE = "not for comparison"  # in the note of a row
COPIED = ("imbalance_ratio", "method", "attack", "source", "architecture", "view", "selection")


def comparable(params: Params, folder: Path = FOLDER) -> list[dict[str, Any]]:
    """Published balanced accuracies over all classes that the grid has a cell for, in the files' order.

    Rows with ``dataset``, ``imbalance_ratio``, ``method``, ``attack``, ``value`` and ``uncertainty`` (in
    points, None where none is stated), ``source``, ``architecture``, ``view`` and ``selection``, the
    checkpoint (empty where not known).
    """
    grid = params.grid
    ratios = {ir_label(ratio) for ratio in grid.imbalance_ratios}
    names = {params.datasets[name].kind: name for name in grid.datasets if name in params.datasets}
    attacks = ("clean", *grid.attacks)
    return [
        _result(row, names[row["dataset"]])
        for row in _rows(folder)
        if row["dataset"] in names
        and row["imbalance_ratio"] in ratios
        and row["method"] in grid.methods
        and not row["variant"]
        and row["attack"] in attacks
        and row["scope"] == "all"
        and row["metric"].startswith("balanced")
        and UNUSABLE not in row["note"]
    ]


def _rows(folder: Path) -> Iterator[dict[str, str]]:
    for file in sorted(folder.glob("*.csv")):
        with file.open(encoding="utf-8", newline="") as lines:
            yield from csv.DictReader(lines)


def _result(row: dict[str, str], dataset: str) -> dict[str, Any]:
    """What tables and figures need of a row.

    Args:
        dataset: the study's name for its data set.
    """
    return {
        "dataset": dataset,
        "value": float(row["value"]),
        "uncertainty": float(row["uncertainty"]) if row["uncertainty"] else None,
        **{name: row[name] for name in COPIED},
    }

"""Results that others have published, as data: ``data/reference/*.csv``; see its README. No torch."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from taet.study.params.blocks import Params, imbalance_ratio_label

FOLDER = Path("data/reference")
UNUSABLE = "not for comparison"  # in the note of a row
COPIED = ("imbalance_ratio", "method", "attack", "source", "architecture", "test_set", "selection")


def comparable(params: Params, folder: Path) -> list[dict[str, Any]]:
    """Published balanced accuracies over all classes that the grid has a cell for, in the files' order.

    Rows with ``dataset``, ``imbalance_ratio``, ``method``, ``attack``, ``value`` and ``uncertainty`` (in
    points, None where none is stated), ``source``, ``architecture``, ``test_set`` and ``selection``, the
    checkpoint (empty where not known).

    Args:
        folder: of the study; the files are in its ``data/reference``, if there are any.
    """
    grid = params.grid
    ratios = {imbalance_ratio_label(ratio) for ratio in grid.imbalance_ratios}
    attacks = ("clean", *grid.attacks)
    rows = [
        row
        for row in _rows(folder / FOLDER)
        if row["imbalance_ratio"] in ratios
        and row["method"] in grid.methods
        and not row["variant"]
        and row["attack"] in attacks
        and row["scope"] == "all"
        and row["metric"].startswith("balanced")
        and UNUSABLE not in row["note"]
    ]
    return [_result(row, name) for row in rows for name in _of_kind(params, row["dataset"])]


def _rows(folder: Path) -> Iterator[dict[str, str]]:
    for file in sorted(folder.glob("*.csv")):
        with file.open(encoding="utf-8", newline="") as lines:
            yield from csv.DictReader(lines)


def _of_kind(params: Params, kind: str) -> list[str]:
    """The data sets of the grid that are of this kind; they differ in options alone."""
    names = [name for name in params.grid.datasets if name in params.datasets]
    return [name for name in names if params.datasets[name].kind == kind]


def _result(row: dict[str, str], dataset: str) -> dict[str, Any]:
    """What tables and figures need of a row, for one data set of its kind."""
    return {
        "dataset": dataset,
        "value": float(row["value"]),
        "uncertainty": float(row["uncertainty"]) if row["uncertainty"] else None,
        **{name: row[name] for name in COPIED},
    }

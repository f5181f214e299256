"""Figures that others have published, as data: ``data/reference/*.csv``; see its README. No torch."""

import csv
from pathlib import Path
from typing import Any

from taet.study.params.blocks import Params, ir_label

FOLDER = Path("data/reference")
UNUSABLE = "not for comparison"  # in the note of a row


def comparable(params: Params, folder: Path = FOLDER) -> list[dict[str, Any]]:
    """Published balanced accuracies over all classes that the grid has a cell for, in the files' order.

    Rows with ``dataset``, ``imbalance_ratio``, ``method``, ``attack``, ``value`` and ``uncertainty`` (in
    points, None where none is stated), ``source``, ``architecture``, ``test_set`` and ``selection``, the
    checkpoint (empty where not known).
    """
    grid = params.grid
    ratios = {ir_label(ratio) for ratio in grid.imbalance_ratios}
    rows = []
    for file in sorted(folder.glob("*.csv")):
        with file.open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                if (
                    row["imbalance_ratio"] in ratios
                    and row["method"] in grid.methods
                    and not row["variant"]
                    and row["attack"] in ("clean", *grid.attacks)
                    and row["scope"] == "all"
                    and row["metric"].startswith("balanced")
                    and UNUSABLE not in row["note"]
                ):
                    rows.append(row)
    return [_shown(row, name) for row in rows for name in _of_kind(params, row["dataset"])]


def _of_kind(params: Params, kind: str) -> list[str]:
    """The data sets of the grid that are of this kind; they differ in options alone."""
    names = [name for name in params.grid.datasets if name in params.datasets]
    return [name for name in names if params.datasets[name].kind == kind]


def _shown(row: dict[str, str], dataset: str) -> dict[str, Any]:
    """What a table shows of a row, for one data set of its kind."""
    return {
        "dataset": dataset,
        "value": float(row["value"]),
        "uncertainty": float(row["uncertainty"]) if row["uncertainty"] else None,
        **{name: row[name] for name in ("imbalance_ratio", "method", "attack", "source")},
        **{name: row[name] for name in ("architecture", "test_set", "selection")},
    }

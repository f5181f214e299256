"""Whether kept metrics have what a study's grid names now. No torch."""

import csv
from pathlib import Path

from taet.blocks import Grid, ir_label
from taet.errors import UserError


def check_kept(metrics: Path, study: str, grid: Grid) -> None:
    """Compare each axis of the grid with its column of a kept metrics.csv.

    Raises:
        UserError: the file has no rows of some method, attack or other value of the grid.
    """
    wanted = {
        "dataset": grid.datasets,
        "imbalance_ratio": [ir_label(ratio) for ratio in grid.imbalance_ratios],
        "architecture": grid.architectures,
        "method": grid.methods,
        "seed": grid.seeds,
        "checkpoint": grid.checkpoints,
        "attack": grid.attacks,
    }
    found: dict[str, set[str]] = {column: set() for column in wanted}
    with metrics.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            for column, values in found.items():
                values.add(row[column])
    missing = [
        f"{column.replace('_', ' ')} {value}"
        for column, values in wanted.items()
        for value in values
        if str(value) not in found[column]
    ]
    if missing:
        raise UserError(
            f"{metrics}: no rows of {', '.join(missing)}, which study {study!r} has in params.yaml now; "
            f"run it (snakemake --cores 4 all --config study={study}) and keep it anew "
            f"(python workflow/scripts/keep.py {study})"
        )

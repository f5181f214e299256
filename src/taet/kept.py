"""Whether kept metrics are whole, and have what a study's grid names now. No torch."""

import csv
from collections.abc import Iterable
from pathlib import Path

from taet.artifacts import read_key, verify_manifest
from taet.errors import UserError

COLUMNS = ("dataset", "imbalance_ratio", "architecture", "method", "seed", "checkpoint", "attack")


def kept_key(manifest: Path) -> str:
    """Key of the stage that made the files of a kept folder.

    Raises:
        UserError: a file there is missing or damaged.
    """
    try:
        key = read_key(manifest)
        verify_manifest(manifest, key)
    except UserError as error:
        raise UserError(
            f"{str(error).partition(';')[0]}; get back what is kept with: "
            f"git checkout HEAD -- {manifest.parent}"
        ) from None
    return key


def check_kept(metrics: Path, study: str, wanted: Iterable[tuple[str, ...]]) -> None:
    """Compare a kept metrics.csv with what a study's grid wants of it, in the order of ``COLUMNS``.

    Only with the grid: under which other parameters the numbers were made, their records say, and
    ``workflow/scripts/keep.py --drawn`` refuses to keep what is drawn under others.

    Raises:
        UserError: there are no rows of one of these cells.
    """
    with metrics.open(encoding="utf-8", newline="") as lines:
        found = {tuple(row[column] for column in COLUMNS) for row in csv.DictReader(lines)}
    missing = [" ".join(cell) for cell in wanted if cell not in found]
    if missing:
        others = f" and of {len(missing) - 1} more cells" if len(missing) > 1 else ""
        raise UserError(
            f"{metrics}: no rows of {missing[0]}{others}, which study {study!r} has in params.yaml now; "
            f"run it (snakemake --cores 4 all --config study={study}) and keep it anew "
            f"(python workflow/scripts/keep.py {study})"
        )

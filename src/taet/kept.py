"""Whether kept metrics are whole, and those of a study as its parameters are now. No torch."""

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from taet.artifacts import read_key, verify_manifest
from taet.errors import UserError
from taet.jobs import Job
from taet.records import read_record, record_path

COLUMNS = ("dataset", "imbalance_ratio", "architecture", "method", "seed", "checkpoint", "attack")
RECORDED = ("subsample", "equalize", "attack", "score", "inspect")  # stages whose numbers are kept
# Resources and the order of rows change no number; how many test images there are, metrics say.
UNCOMPARED = {"compute", "order", "test_per_class"}


def kept_key(manifest: Path) -> str:
    """Key of the stage that made the files of a kept folder.

    Raises:
        UserError: a file there is missing or damaged.
    """
    try:
        key = read_key(manifest)
        verify_manifest(manifest, key)
    except UserError as error:
        raise _lost(error, manifest.parent) from None
    return key


def check_cells(metrics: Path, study: str, wanted: Iterable[tuple[str, ...]]) -> None:
    """Compare a kept metrics.csv with what a study's grid wants of it, in the order of ``COLUMNS``.

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
            f"{_anew(study)}"
        )


def check_records(folder: Path, study: str, jobs: Iterable[Job]) -> None:
    """Compare what the kept records say that jobs have read with what these would read now.

    What only one of the two has is newer, or gone, and no difference.

    Raises:
        UserError: a record is missing or damaged, or has another value.
    """
    for job in jobs:
        try:
            record = read_record(folder / job.output, None)
        except UserError as error:
            raise _lost(error, folder) from None
        path = record_path(folder / job.output)
        if record is None:
            raise _lost(f"{path}: missing", folder)
        for name in _compared(record["parameters"], job.reads):
            if not _agree(record["parameters"][name], job.dump(job.reads[name])):
                raise UserError(
                    f"{path}: {name} was another one than in params.yaml now; {_anew(study)}"
                )


def _compared(made: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    return sorted((made.keys() & now.keys()) - UNCOMPARED)


def _agree(made: Any, now: Any) -> bool:
    if isinstance(made, dict) and isinstance(now, dict):
        return all(_agree(made[name], now[name]) for name in _compared(made, now))
    return bool(made == now)


def _anew(study: str) -> str:
    return (
        f"run it (snakemake --cores 4 all --config study={study}) and keep it anew "
        f"(python workflow/scripts/keep.py {study})"
    )


def _lost(error: UserError | str, folder: Path) -> UserError:
    """What is wrong, with what to do where git has the files."""
    what = str(error).partition(";")[0]
    return UserError(f"{what}; get back what is kept with: git checkout HEAD -- {folder}")

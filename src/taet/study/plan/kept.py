"""Whether kept metrics are whole, and those of a study as its parameters are now. No torch."""

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from taet.errors import UserError
from taet.study.plan.job import Job
from taet.study.store.artifacts import read_key, verify_manifest
from taet.study.store.records import read_record, record_path

COLUMNS = ("dataset", "imbalance_ratio", "architecture", "method", "seed", "checkpoint", "attack")
# Stages that numbers depend on; records of a stage 1 can be missing where it was trained elsewhere.
RECORDED = ("subsample", "stabilize", "equalize", "attack", "score", "inspect")
# What each record shows and tables do not claim: resources, which move a number as another rounding does, and
# the order of rows. How many test images there are, the metrics say.
UNCOMPARED = {"compute", "order", "test_per_class"}


def kept_key(manifest: Path, files: Iterable[Path]) -> str:
    """Key of the stage that made the files of a kept folder, which must be these.

    Raises:
        UserError: a file there is missing or damaged.
    """
    try:
        key = read_key(manifest)
        verify_manifest(manifest, key, files)
    except UserError as error:
        raise _lost(error, manifest.parent) from None
    return key


def check_cells(metrics: Path, study: str, wanted: Iterable[tuple[str, ...]]) -> None:
    """Compare a kept metrics.csv with what a study's grid wants of it, in the order of ``COLUMNS``.

    Raises:
        UserError: there are no rows of one of these cells, or rows of another: tables say how many seeds and
            pairs of methods there are, which must be those of the grid.
    """
    with metrics.open(encoding="utf-8", newline="") as lines:
        found = {tuple(row[column] for column in COLUMNS): None for row in csv.DictReader(lines)}
    expected = dict.fromkeys(wanted)
    for cells, said in (
        ([cell for cell in expected if cell not in found], "no rows of {}, which study {!r} has"),
        ([cell for cell in found if cell not in expected], "rows of {}, which study {!r} has not"),
    ):
        if cells:
            others = f" and of {len(cells) - 1} more cells" if len(cells) > 1 else ""
            what = said.format(" ".join(cells[0]) + others, study)
            raise UserError(f"{metrics}: {what} in params.yaml now; {_anew(study)}")


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
        if record is None and job.stage == "stabilize":
            continue
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

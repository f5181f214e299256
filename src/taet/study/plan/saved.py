"""Saved results, ``results/reference/STUDY``: whether they are whole, and of the parameters as they are now.

They are the small part of what a study has made, in few files: numbers (CSV files, compressed), tables, the
manifest of the figures, and one line for the record of every job.
"""

import csv
import itertools
import json
import lzma
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from taet.errors import UserError, suggest
from taet.study.plan.job import Cell, Job
from taet.study.plan.stages import DRAWN, STAGES, Stage
from taet.study.plan.study import Study
from taet.study.store.artifacts import MANIFEST, read_key, verify_manifest
from taet.study.store.fingerprint import fingerprint
from taet.study.store.records import is_whole

REFERENCE = Path("results/reference")
SAVED = ("score", "inspect")  # stages whose output is saved
RECORDS = "records.jsonl"
COLUMNS = ("dataset", "imbalance_ratio", "architecture", "method", "seed", "checkpoint", "attack")
# Stages that numbers depend on; records of a stage 1 can be missing where it was trained elsewhere.
RECORDED = ("download", "subsample", "stabilize", "equalize", "attack", "score", "inspect")
# Stages whose code numbers depend on.
COMPUTING = ("subsample", "stabilize", "equalize", "attack", "score")
# What each record shows and tables do not claim: resources, which move a number as another rounding does, and
# the order of rows. How many test images there are, the metrics say.
UNCOMPARED = {"compute", "order", "test_per_class"}


class SavedStudy(Study):
    """A study whose tables and figures are drawn from its saved results, not from new ones."""

    saved = True

    @property
    def place(self) -> Path:
        """Where its results are saved."""
        return REFERENCE / self.params.study

    def _make(self, stage: Stage, cell: Cell) -> Job:
        job = super()._make(stage, cell)
        if stage.name not in SAVED:
            return job
        folder = self.place / stage.name
        if not folder.exists():
            known = sorted(
                f.parent.parent.name for f in REFERENCE.glob(f"*/{stage.name}/{MANIFEST}")
            )
            study = self.params.study
            raise UserError(f"no results of study {study!r} are saved{suggest(study, known)}")
        output, files = folder / MANIFEST, tuple(folder / packed(file.name) for file in job.files)
        key = saved_key(output, files)
        if stage.name == "score":
            check_cells(files[0], self.params.study, self._attacked())
            made = Study(self.params)
            jobs = (needed for name in RECORDED for needed in made.jobs(name))
            check_records(self.place, self.params.study, jobs)
        return replace(job, reads={}, code=(), inputs={}, output=output, files=files, made_by=key)

    def _attacked(self) -> Iterator[tuple[str, ...]]:
        """Every network and checkpoint under every attack and worst case, as metrics.csv writes them."""
        grid = self.params.grid
        attacks = ("clean", *grid.attacks, *self.params.report.worst_cases)
        for network in self.cells("equalize"):
            for place in itertools.product(grid.checkpoints, attacks):
                yield (*map(str, network.values()), *place)

    def record(self, job: Job) -> tuple[Path, dict[str, Any] | None]:
        """Of what is not drawn anew: the saved one, whatever key it has."""
        if job.stage in DRAWN:
            return super().record(job)
        output = STAGES[job.stage].output.format(study=self.params.study, **job.cell)
        return self.place / RECORDS, self._records.get(output)

    def changed_stages(self) -> list[str]:
        """Stages of which some saved output was made by other code than today's, by fingerprint.

        A new run may give other numbers, or the same, which a fingerprint does not tell.
        """
        made, changed = Study(self.params), []
        for name in COMPUTING:
            for job in made.jobs(name):
                record = self._records.get(str(job.output))
                if record and record["code"]["fingerprint"] != fingerprint(*job.code):
                    changed.append(name)
                    break
        return changed

    def revisions(self) -> dict[str, str]:
        """The revisions that trained its networks, each with the first day of that.

        Whether files of the checkout differed from a revision does not count here: ``changed_stages`` does.
        """
        records = [r for r in self._records.values() if r["job"].split()[0] == "equalize"]
        days: dict[str, str] = {}
        for record in sorted(records, key=lambda r: str(r["started"])):
            revision = record["code"]["revision"].removesuffix("-dirty")
            days.setdefault(revision, record["started"][:10])
        return days

    @cached_property
    def _records(self) -> dict[str, dict[str, Any]]:
        return read_records(self.place)


def packed(name: str) -> str:
    """Name of a file as it is saved."""
    return f"{name}.xz" if name.endswith(".csv") else name


def pack(file: Path) -> bytes:
    """Contents of a file as they are saved."""
    data = file.read_bytes()
    return data if packed(file.name) == file.name else lzma.compress(data, preset=9)


def read_records(folder: Path) -> dict[str, dict[str, Any]]:
    """The saved records of a study, by the output that each is of; see ``taet.study.store.records``.

    Raises:
        UserError: they are missing or damaged.
    """
    file = folder / RECORDS
    try:
        lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        found = {line["output"]: line["record"] for line in lines}
        whole = all(map(is_whole, found.values())) and len(found) == len(lines)
    except FileNotFoundError:
        raise _lost(f"{file}: missing", folder) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        whole = False
    if not whole:
        raise _lost(f"{file}: damaged", folder)
    return found


def write_records(folder: Path, records: Mapping[str, Mapping[str, Any]]) -> None:
    """Save records by the output that each is of, one line each."""
    lines = [
        json.dumps({"output": output, "record": records[output]}, sort_keys=True)
        for output in sorted(records)
    ]
    (folder / RECORDS).write_text("\n".join(lines) + "\n", encoding="utf-8")


def saved_key(manifest: Path, files: Iterable[Path]) -> str:
    """Key of the stage that made the files of a saved folder, which must be these.

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
    """Compare a saved metrics.csv with what a study's grid wants of it, in the order of ``COLUMNS``.

    Raises:
        UserError: there are no rows of one of these cells, or rows of another: tables say how many seeds and
            pairs of methods there are, which must be those of the grid.
    """
    with lzma.open(metrics, "rt", encoding="utf-8", newline="") as lines:
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
    """Compare what the saved records say that jobs have read with what these would read now.

    What only one of the two has is newer, or gone, and no difference.

    Raises:
        UserError: a record is missing or damaged, or has another value.
    """
    records = read_records(folder)
    for job in jobs:
        record, where = records.get(str(job.output)), f"{folder / RECORDS}: {job.output}"
        if record is None and job.stage == "stabilize":
            continue
        if record is None:
            raise _lost(f"{where}: has no record", folder)
        if record["job"] != job.title:
            raise _lost(f"{where}: the record is that of another job, {record['job']}", folder)
        for name in _compared(record["parameters"], job.reads):
            if not _agree(record["parameters"][name], job.dump(job.reads[name])):
                raise UserError(
                    f"{where}: {name} was another one than in params.yaml now; {_anew(study)}"
                )


def _compared(made: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    return sorted((made.keys() & now.keys()) - UNCOMPARED)


def _agree(made: Any, now: Any) -> bool:
    if isinstance(made, dict) and isinstance(now, dict):
        return all(_agree(made[name], now[name]) for name in _compared(made, now))
    return bool(made == now)


def _anew(study: str) -> str:
    return (
        f"run it (snakemake --cores 4 all --config study={study}) and save it anew "
        f"(python workflow/scripts/keep.py {study})"
    )


def _lost(error: UserError | str, folder: Path) -> UserError:
    """What is wrong, with what to do where git has the files."""
    what = str(error).partition(";")[0]
    return UserError(f"{what}; get back what is saved with: git checkout HEAD -- {folder}")

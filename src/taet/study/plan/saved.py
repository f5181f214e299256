"""Saved results, ``results/reference/STUDY``: read them, and check that today's parameters made them.

They are the small part of a study's results, in few files: numbers (CSV files, compressed), tables, the
manifest of the figures, one line for the record of every job, and small networks of one seed. Their weights
are in float32 as they were attacked: half precision would change verdicts of single images.
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

from taet.axes import MODEL
from taet.errors import UserError, suggest
from taet.study.plan.job import Cell, Job
from taet.study.plan.stages import DRAWN, STAGES, Stage
from taet.study.plan.study import Study
from taet.study.store.artifacts import MANIFEST, read_key, read_manifest, verify_manifest
from taet.study.store.fingerprint import fingerprint
from taet.study.store.records import is_whole

REFERENCE = Path("results/reference")
REDRAWN = "redrawn"  # folder in results/STUDY of what is drawn from saved results
SAVED = ("score", "inspect")  # stages whose output is read from what is saved
NETWORKS = "networks"  # folder of saved networks, which studies saved before 2026-12 do not have
LARGEST_NETWORK = 4_000_000  # bytes of a saved network; DVC stores the others
RECORDS = "records.jsonl"
ABOUT = "about.md"
LATER = {"images.csv.xz", "correct.csv.xz"}  # that studies saved before 2026-12 do not have
COLUMNS = (*MODEL, "attack")  # of a cell in metrics.csv
# Stages that numbers depend on; each of their jobs has a record.
RECORDED = ("download", "subsample", "stabilize", "equalize", "attack", "score", "inspect")
# Stages whose code numbers depend on.
COMPUTING = ("subsample", "stabilize", "equalize", "attack", "score")
# Parameters that may differ from the record: threads change numbers by rounding alone, ``order`` changes
# only the order of rows, and the metrics themselves say how many test images there are.
UNCOMPARED = {("compute", "threads"), ("order",), ("longtail", "test_per_class")}


class SavedStudy(Study):
    """A study whose tables and figures are drawn from its saved results, not from new ones.

    They have a folder of their own, ``results/STUDY/redrawn``: a run of the study writes beside it.
    """

    @property
    def reference(self) -> Path:
        """Folder of its saved results."""
        return REFERENCE / self.params.study

    def _make(self, stage: Stage, cell: Cell) -> Job:
        job = super()._make(stage, cell)
        if stage.name in DRAWN:
            folder = Path("results", self.params.study, REDRAWN, stage.name)
            files = tuple(folder / file.name for file in job.files)
            return replace(job, output=folder / job.output.name, files=files)
        if stage.name not in SAVED:
            return job
        folder = self.reference / stage.name
        if not folder.exists():
            if self.reference.exists():
                raise _lost(f"{folder}: not found", self.reference)
            manifests = REFERENCE.glob(f"*/{stage.name}/{MANIFEST}")
            known = sorted(manifest.parent.parent.name for manifest in manifests)
            study = self.params.study
            raise UserError(f"no results of study {study!r} are saved{suggest(study, known)}")
        output = folder / MANIFEST
        files = tuple(
            file
            for file in (folder / saved_name(file.name) for file in job.files)
            if file.exists() or file.name not in LATER
        )
        key = saved_key(output, files)
        record = self._records.get(str(job.output))
        if record is not None and record["key"] != key:
            raise _another(output)
        if stage.name == "score":
            check_files(self.reference)
            check_drawn(self.reference, self._records)
            check_networks(self.reference, self._records)
            check_cells(folder / saved_name("metrics.csv"), self.params.study, self._attacked())
            check_records(self.reference, self._records, self._recorded())
            check_inputs(self.reference, self._records)
        return replace(job, reads={}, code=(), inputs={}, output=output, files=files, made_by=key)

    def _recorded(self) -> Iterator[Job]:
        """The jobs whose records are saved, each as a new run would do it."""
        for name in RECORDED:
            for cell in self.cells(name):
                yield super()._make(STAGES[name], cell) if name in SAVED else self.job(name, **cell)

    def _attacked(self) -> Iterator[tuple[str, ...]]:
        """Every network and checkpoint under every attack and worst case, as metrics.csv writes them."""
        grid = self.params.grid
        attacks = ("clean", *grid.attacks, *self.params.report.worst_cases)
        for network in self.cells("equalize"):
            for checkpoint, attack in itertools.product(grid.checkpoints, attacks):
                yield (*map(str, network.values()), checkpoint, attack)

    def record(self, job: Job) -> tuple[Path, dict[str, Any] | None]:
        """As of every study for tables and figures; of all other jobs the saved record, whatever its key."""
        if job.stage in DRAWN:
            return super().record(job)
        output = self.output_of_run(job.stage, job.cell)
        return self.reference / RECORDS, self._records.get(str(output))

    def changed_stages(self) -> list[str]:
        """Stages of which some saved output was made by other code than today's, by fingerprint.

        A new run may give other numbers, or the same, which a fingerprint does not tell.
        """
        changed: dict[str, None] = {}
        for job in self._recorded():
            record = self._records.get(str(job.output)) if job.stage in COMPUTING else None
            if record is not None and record["code"]["fingerprint"] != fingerprint(*job.code):
                changed[job.stage] = None
        return list(changed)

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
        return read_records(self.reference)


def saved_name(name: str) -> str:
    """Name under which a file is saved."""
    return f"{name}.xz" if name.endswith(".csv") else name


def pack(file: Path) -> bytes:
    """Bytes that are saved of a file."""
    data = file.read_bytes()
    return data if saved_name(file.name) == file.name else lzma.compress(data, preset=9)


def read_records(folder: Path) -> dict[str, dict[str, Any]]:
    """The saved records of a study, by the output that each describes; see ``taet.study.store.records``.

    Raises:
        UserError: they are missing or damaged.
    """
    file = folder / RECORDS
    try:
        lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        records = {line["output"]: line["record"] for line in lines}
        whole = all(map(is_whole, records.values())) and len(records) == len(lines)
    except FileNotFoundError:
        raise _lost(f"{file}: missing", folder) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        whole = False
    if not whole:
        raise _lost(f"{file}: damaged", folder)
    return records


def write_records(folder: Path, records: Mapping[str, Mapping[str, Any]]) -> None:
    """Save records by the output that each describes, one line each."""
    lines = [
        json.dumps({"output": output, "record": records[output]}, sort_keys=True)
        for output in sorted(records)
    ]
    (folder / RECORDS).write_text("\n".join(lines) + "\n", encoding="utf-8")


def saved_key(manifest: Path, files: Iterable[Path]) -> str:
    """Key of the stage that made the files of a saved folder.

    Args:
        manifest: that of the folder.
        files: which it must list, all of them and no other.

    Raises:
        UserError: a file there is missing or damaged.
    """
    try:
        key = read_key(manifest)
        verify_manifest(manifest, key, files)
    except UserError as error:
        raise _lost(error, manifest.parent) from None
    return key


def check_files(folder: Path) -> None:
    """Compare the files in the folder of a saved study with those that its manifests list.

    Files that nothing lists would never be compared with anything. Hidden files are left alone.

    Raises:
        UserError: a file is listed nowhere, a folder has no listed file, or a manifest is missing or damaged.
    """
    listed = {folder / ABOUT, folder / RECORDS}
    networks = [NETWORKS] if (folder / NETWORKS).exists() else []
    for part in (*SAVED, *DRAWN, *networks):
        manifest = folder / part / MANIFEST
        _, files = _read(manifest)
        listed |= {manifest.parent, manifest, *files}
    for path in sorted(folder.rglob("*")):
        if not (path.name.startswith(".") or path in listed):
            raise UserError(
                f"{path}: no part of the saved results, no manifest lists it; delete it"
            )


def check_drawn(folder: Path, records: Mapping[str, Mapping[str, Any]]) -> None:
    """Compare saved tables, and the names of figures, with their manifests and records.

    Not with today's plan: other code may draw others, and these are then saved.

    Raises:
        UserError: a table is missing or damaged, or a manifest is not that of the recorded run.
    """
    for stage in DRAWN:
        manifest = folder / stage / MANIFEST
        key, files = _read(manifest)
        record = records.get(_output(stage, folder))
        if record is None or record["key"] != key:
            raise _another(manifest)
        if stage == "tables":
            saved_key(manifest, files)
        elif {file.stem for file in files} != record["parameters"]["figures"].keys():
            raise _another(manifest)


def check_networks(folder: Path, records: Mapping[str, Mapping[str, Any]]) -> list[Path]:
    """The saved networks of a study, after comparing them with their manifest and with the records.

    The manifest has the key of the scores of the same run, each network that of its own training.

    Raises:
        UserError: a network is missing or damaged, or is not that of the recorded run.
    """
    manifest = folder / NETWORKS / MANIFEST
    if not manifest.parent.exists():
        return []
    _, files = _read(manifest)
    score = records.get(_output("score", folder))
    if score is None or score["key"] != saved_key(manifest, files):
        raise _another(manifest)
    trained = {
        network_file(record["cell"]): record["key"]
        for record in records.values()
        if record["job"].startswith("equalize ")
    }
    for file in files:
        if trained.get(file.name) != read_key(file):
            raise _another(file)
    return files


def network_file(cell: Cell) -> str:
    """Name of a saved network: ``digits-ir10-small_cnn-taet-seed0.safetensors``."""
    path = STAGES["equalize"].output.format(study="STUDY", **cell)
    return "-".join(Path(path).parts[3:])  # below results/STUDY/equalize


def _read(manifest: Path) -> tuple[str, list[Path]]:
    """The key in a manifest, and the files that it lists."""
    try:
        facts = read_manifest(manifest)
    except UserError as error:
        raise _lost(error, manifest.parent) from None
    return facts["key"], [manifest.parent / name for name in facts["files"]]


def _output(stage: str, folder: Path) -> str:
    """The output of a stage without axes, as records name it."""
    return STAGES[stage].output.format(study=folder.name)


def check_cells(metrics: Path, study: str, expected: Iterable[tuple[str, ...]]) -> None:
    """Compare the cells of a saved metrics.csv with those of a study's grid.

    Tables say how many seeds and pairs of methods there are, so both must be those of the grid.

    Args:
        metrics: the file, compressed.
        study: its name.
        expected: the cells of the grid, with values in the order of ``COLUMNS``.

    Raises:
        UserError: a cell has no rows, or rows are of a cell that the grid has not.
    """
    with lzma.open(metrics, "rt", encoding="utf-8", newline="") as lines:
        saved = {tuple(row[column] for column in COLUMNS): None for row in csv.DictReader(lines)}
    wanted = dict.fromkeys(expected)
    for cells, problem in (
        ([cell for cell in wanted if cell not in saved], "no rows of {}, which study {!r} has"),
        ([cell for cell in saved if cell not in wanted], "rows of {}, which study {!r} has not"),
    ):
        if cells:
            others = f" and of {len(cells) - 1} more cells" if len(cells) > 1 else ""
            what = problem.format(" ".join(cells[0]) + others, study)
            raise UserError(f"{metrics}: {what} in params.yaml now; {_run_and_save(study)}")


def check_records(
    folder: Path, records: Mapping[str, Mapping[str, Any]], jobs: Iterable[Job]
) -> None:
    """Compare the parameters in the saved records with those that the same jobs would read now.

    A parameter that only one of the two has was added or removed since, and is no difference.

    Args:
        folder: that of the saved study.
        records: those saved there.
        jobs: all whose records are saved, but those that draw.

    Raises:
        UserError: a record is missing, has another value, or is of a job that the study has not.
    """
    study = folder.name
    unknown = records.keys() - {_output(stage, folder) for stage in DRAWN}
    for job in jobs:
        unknown.discard(str(job.output))
        record, where = records.get(str(job.output)), f"{folder / RECORDS}: {job.output}"
        if record is None:
            raise _lost(f"{where}: has no record", folder)
        if record["job"] != job.title:
            raise _lost(f"{where}: the record is that of another job, {record['job']}", folder)
        parameters = record["parameters"]
        for name in _compared(parameters, job.reads, ()):
            if not _agree(parameters[name], job.dump(job.reads[name]), (name,)):
                raise UserError(
                    f"{where}: {name} was another one than in params.yaml now; {_run_and_save(study)}"
                )
    if unknown:
        raise UserError(
            f"{folder / RECORDS}: {min(unknown)}: study {study!r} has no such job in params.yaml now; "
            f"{_run_and_save(study)}"
        )


def check_inputs(folder: Path, records: Mapping[str, Mapping[str, Any]]) -> None:
    """Compare the keys of inputs, which each saved record names, with those in the records of these inputs.

    Raises:
        UserError: a key is not that of the input's record, or the input has none.
    """
    keys = {output: record["key"] for output, record in records.items()}
    for stage in SAVED:  # tables and figures that are drawn from saved results name what is saved
        keys[str(folder / stage / MANIFEST)] = records[_output(stage, folder)]["key"]
    for output, record in records.items():
        for needed in record["inputs"].values():
            path, key = needed["path"], needed["key"]
            if keys.get(path) != key:
                problem = f"made from {path} with key {key}, of which there is no record"
                raise _lost(f"{folder / RECORDS}: {output}: {problem}", folder)


def _compared(
    before: Mapping[str, Any], now: Mapping[str, Any], path: tuple[str, ...]
) -> list[str]:
    names = before.keys() & now.keys()
    return sorted(name for name in names if (*path, name) not in UNCOMPARED)


def _agree(before: Any, now: Any, path: tuple[str, ...]) -> bool:
    if isinstance(before, dict) and isinstance(now, dict):
        names = _compared(before, now, path)
        return all(_agree(before[name], now[name], (*path, name)) for name in names)
    return bool(before == now)


def _run_and_save(study: str) -> str:
    """What to do where saved results are of other parameters."""
    return (
        f"run it (snakemake --cores 4 all --config study={study}) and save it anew "
        f"(python workflow/scripts/save.py {study})"
    )


def _another(manifest: Path) -> UserError:
    """The error for a folder that another run made than the saved records describe."""
    return _lost(f"{manifest}: not of the run that {RECORDS} describes", manifest.parent.parent)


def _lost(error: UserError | str, folder: Path) -> UserError:
    """The error for saved files that are missing or damaged, which git can bring back."""
    what = str(error).partition(";")[0]
    return UserError(f"{what}; get back what is saved with: git checkout HEAD -- {folder}")

"""Where numbers come from: every job of a study with its record, by stage, and what each stage has cost."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from taet.axes import SETTING
from taet.report.titles import setting_title
from taet.study.plan.job import Job
from taet.study.plan.saved import SavedStudy
from taet.study.plan.stages import DRAWN, STAGES
from taet.study.plan.study import Study


def jobs_of_stages(
    study: Study, page: Path
) -> tuple[dict[str, list["Work"]], list[tuple[str, str]]]:
    """By stage its jobs with their records; and the machines with their versions that these name.

    Args:
        page: from which files are linked.
    """
    made = _Environments()
    work = {
        name: jobs
        for name in STAGES
        if (jobs := [_work(study, job, made, page.parent) for job in study.jobs(name)])
    }
    return work, list(made.seen)


class _Environments:
    """Machines with their versions of packages, numbered from 1 in the order they are met."""

    def __init__(self) -> None:
        self.seen: dict[tuple[str, str], int] = {}

    def number(self, record: Mapping[str, Any]) -> int:
        """Of the one that a record names."""
        machine = record["machine"]
        versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
        if record.get("locked"):
            versions += " (as in requirements.lock)"
        about = (
            f"{machine['processor']}, {machine['cpu_count']} processors, {machine['system']}",
            versions,
        )
        return self.seen.setdefault(about, len(self.seen) + 1)


@dataclass(frozen=True)
class Work:
    """A job, and what its record says of it.

    Attributes:
        title: for people.
        anchor: in the page.
        output: its file.
        key: of what made it; None where results are saved, and no record of this job is.
        inputs: what it read: text, and where in the page that is.
        record: None where the result was made elsewhere, and came without one.
        link: the file as the page links to it; None where it does not exist.
        record_path: where its record lies, if there is one.
        record_link: likewise.
        environment: number of the machine and versions that it was made with.
        revision: git revision of the code that made it.
    """

    title: str
    anchor: str
    output: Path
    key: str | None
    inputs: list[tuple[str, str]]
    record: dict[str, Any] | None
    link: str | None
    record_path: Path
    record_link: str | None
    environment: int | None
    revision: str | None


def _work(study: Study, job: Job, made: _Environments, folder: Path) -> Work:
    path, record = study.record(job)
    unknown = isinstance(study, SavedStudy) and job.stage not in DRAWN
    return Work(
        title=job.title,
        anchor=anchor(job),
        output=job.output,
        key=record["key"] if record else None if unknown else job.key,
        inputs=list(_inputs(job)),
        record=record,
        link=_link(job.output, folder),
        record_path=path,
        record_link=_link(path, folder),
        environment=made.number(record) if record else None,
        revision=_revision(record) if record else None,
    )


def _inputs(job: Job) -> Iterator[tuple[str, str]]:
    """By stage: the one job that this one read, or all of that stage."""
    read = list(job.inputs.values())
    for stage, count in Counter(needed.stage for needed in read).items():
        if count > 1:
            yield f"{count} of {stage}", f"made-{stage}"
        else:
            yield stage, anchor(next(needed for needed in read if needed.stage == stage))


def _link(file: Path, folder: Path) -> str | None:
    return quote(Path(os.path.relpath(file, folder)).as_posix()) if file.exists() else None


def _revision(record: Mapping[str, Any]) -> str:
    return record["code"].get("revision") or "unknown"


def anchor(job: Job) -> str:
    """Of a job in the page."""
    return f"job {job.title}".replace(" ", "-")  # not that of a section, such as "tables"


def first_predictions(study: Study) -> dict[tuple[str, str], str]:
    """By a setting's title and the label of a method: its first predictions, in the list of all artifacts."""
    labels = study.job("tables").reads["labels"]
    first: dict[tuple[str, str], str] = {}
    for job in study.jobs("attack"):
        setting = setting_title(labels, *(job.cell[axis] for axis in SETTING))
        first.setdefault((setting, labels["methods"][job.cell["method"]]), anchor(job))
    return first


def jobs_of_attacks(study: Study) -> dict[str, list[str]]:
    """By attack or worst case, the jobs whose predictions its numbers come from."""
    by_attack = {attack: job for job, attacks in study.attack_jobs.items() for attack in attacks}
    everything = list(by_attack)
    members = {"clean": everything[:1]} | {attack: [attack] for attack in everything}
    for name, worst in study.params.report.worst_cases.items():
        members[name] = everything if worst.attacks == "all" else list(worst.attacks)
    return {
        name: list(dict.fromkeys(by_attack[attack] for attack in attacks))
        for name, attacks in members.items()
    }


def costs(name: str, jobs: list[Work]) -> dict[str, Any]:
    """What a stage has cost."""
    records = [job.record for job in jobs if job.record is not None]
    return {
        "name": name,
        "help": STAGES[name].help,
        "jobs": len(jobs),
        "recorded": len(records),
        "cpu": sum(record["cpu_seconds"] for record in records),
        "wall": sum(record["wall_seconds"] for record in records),
        "memory": max((record["peak_memory_mib"] for record in records), default=None),
    }


def made(work: Mapping[str, list[Work]]) -> dict[str, Any]:
    """Code and time of the whole."""
    records = [job.record for jobs in work.values() for job in jobs if job.record is not None]
    starts = sorted(record["started"] for record in records)
    return {
        "code": sorted({_revision(record) for record in records}),
        "first": starts[0] if starts else None,
        "last": starts[-1] if starts else None,
    }

"""The jobs of a run before they start: their names for people, and what they cost relative to each other."""

import math
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from taet.axes import job_title

EXPECTED: dict[int, "Expected"] = {}
"""By Snakemake's number of the job; empty where nobody has announced them (``snakemake --no-hooks``)."""

SELECTIONS: dict[str, Any] = {}
"""By the name of a study whose run was announced: how a command asks for it (its ``--set`` included)."""

TRAININGS = ("stabilize", "equalize")


@dataclass(frozen=True)
class Expected:
    """A job that is to run.

    Attributes:
        title: as the job names itself in its log.
        short: the title without what is the same for all jobs.
        kind: jobs of one kind take time in proportion to their weight.
        weight: of a training its passes through the network, for one image of the largest class.
    """

    title: str
    short: str
    kind: tuple[str, ...]
    weight: float = 1.0


def announce(study: Any, snakemake_jobs: Iterable[Any]) -> None:
    """Note all jobs that will run; without them the remaining time is not known, and nothing else changes.

    Args:
        study: the ``taet.study.plan.study.Study`` that runs.
        snakemake_jobs: jobs of Snakemake's graph.
    """
    with suppress(Exception):
        EXPECTED.clear()
        SELECTIONS[study.params.study] = study.selection
        EXPECTED.update(_expected(study, [job for job in snakemake_jobs if job.output]))


def _expected(study: Any, snakemake_jobs: list[Any]) -> dict[int, Expected]:
    cells = {job.jobid: dict(job.wildcards_dict) for job in snakemake_jobs}
    values: dict[str, set[str]] = {}
    for cell in cells.values():
        for axis, value in cell.items():
            values.setdefault(axis, set()).add(value)
    varying = {axis for axis, seen in values.items() if len(seen) > 1}
    expected = {}
    for job in snakemake_jobs:
        stage, cell = stage_of(job.rule.name), cells[job.jobid]
        short = job_title(stage, {a: v for a, v in cell.items() if a in varying or a == "method"})
        weight = _training_weight(study, stage, cell) if stage in TRAININGS else 1.0
        expected[job.jobid] = Expected(job_title(stage, cell), short, _kind(stage, cell), weight)
    return expected


def _kind(stage: str, cell: dict[str, str]) -> tuple[str, ...]:
    if stage in TRAININGS:
        return "training", cell["dataset"], cell["architecture"]
    if stage == "attack":
        return stage, cell["dataset"], cell["architecture"], cell["job"]
    return (stage,)


def stage_of(rule: str) -> str:
    """The stage that a rule runs, such as ``attack`` for ``attack_cell``."""
    return rule.removesuffix("_cell").removesuffix("_dataset")


def _training_weight(study: Any, stage: str, cell: dict[str, str]) -> float:
    from taet.study.plan.costs import passes

    params = study.params
    method = (
        params.stabilizations[cell["stabilization"]].method
        if stage == "stabilize"
        else cell["method"]
    )
    job = study.job(stage, **cell)
    first = job.inputs["stage1"].reads["stop"] if "stage1" in job.inputs else 0
    of_image = passes(params, method, first, job.reads["stop"])
    return of_image * _share_of_images(cell["imbalance_ratio"])


def _share_of_images(imbalance_ratio: str) -> float:
    """Training images of a class, on average over the classes of an exponential tail; 1: of the largest."""
    ratio = 1.0 if imbalance_ratio == "natural" else float(imbalance_ratio)
    return (1 - 1 / ratio) / math.log(ratio) if ratio > 1 else 1.0

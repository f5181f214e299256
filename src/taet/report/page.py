"""The report: one page with everything of a study, and where each number comes from.

A page for people and no artifact: times, machines and revisions are in it, which differ between two runs
that make the same results. It opens from a file, without a network.
"""

import base64
import importlib.resources
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from taet.axes import MODEL
from taet.report.tables import main_tables
from taet.report.titles import setting_title
from taet.report.typeset import Table
from taet.scores import notes
from taet.scores.files import read_scored
from taet.study.params import plugins
from taet.study.params.blocks import ir_label
from taet.study.params.load import read_selected
from taet.study.params.overlay import listed, of_study
from taet.study.params.plugins import FOLDERS
from taet.study.plan.job import Job
from taet.study.plan.page import page_key
from taet.study.plan.saved import SavedStudy
from taet.study.plan.stages import DRAWN, STAGES
from taet.study.plan.study import Study
from taet.study.store import artifacts
from taet.study.store.locks import alone_with

BOX, GAP = (104, 44), (34, 18)  # pixels, of the picture of the stages
BEND = 17  # pixels that an arrow swings out to the side
UNDER = 56  # and down, where it passes below a box


def path_of(study: Study) -> Path:
    """Where the report of a study is: beside its tables."""
    return study.job("tables").output.parent.with_name("report.html")


def write(study: Study, params_file: Path) -> Path:
    """Write the report of a study whose tables and figures are there; where it lies.

    Raises:
        UserError: something of it is missing, damaged or stale.
    """
    tables, figures = study.job("tables"), study.job("figures")
    for job in (tables, figures):
        artifacts.verify_manifest(job.output, job.key, job.files)
    scored = read_scored(tables)
    anchors = _anchors(study)
    made = _Environments()
    work = {
        name: jobs
        for name in STAGES
        if (jobs := [_work(study, job, made) for job in study.jobs(name)])
    }
    text = _template("report.html.j2").render(
        study=study.params.study,
        key=page_key(study, params_file),
        grid=_grid(study),
        tables=[
            _table(table, anchors)
            for table in main_tables(scored.summary, scored.differences, tables.reads)
        ],
        figures=[
            _figure(study, about, figures.output.with_name(f"{name}.svg"))
            for name, about in figures.reads["pictures"].items()
        ],
        warnings=_warnings(scored.metrics),
        parameters=list(_parameters(study, params_file)),
        stages=[_stage(name, jobs) for name, jobs in work.items()],
        work=work,
        made=_made(work),
        environments=list(made.seen),
        attack_jobs=len(study.attack_jobs),
        saved=study.saved,
        changed_stages=study.changed_stages() if isinstance(study, SavedStudy) else [],
        graph=_graph(study),
        alone=False,
    )
    page = path_of(study)
    with alone_with(page):
        artifacts.remove_leftovers(page)
        artifacts.write_bytes(page, text.encode())
    return page


def stages_picture(study: Study) -> str:
    """The stages as an SVG picture that stands alone: boxes with their jobs, and what each waits for."""
    return _template("stages.svg.j2").render(graph=_graph(study), alone=True)


def _template(name: str) -> jinja2.Template:
    folder = importlib.resources.files("taet.report") / "templates"
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: (folder / name).read_text(encoding="utf-8")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def _table(table: Table, anchors: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    """A table with its rows: what each is of, where that leads to, and its cells with their marks."""
    rows = []
    for i, (name, *texts) in enumerate(table.rows):
        cell_anchor = anchors.get((table.about, name))
        cells = [(text, table.marks.get((i, k), "")) for k, text in enumerate(texts, 1)]
        rows.append({"name": name, "anchor": cell_anchor, "cells": cells})
    return {"title": table.caption, "head": table.head, "rows": rows, "note": table.note}


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
        record_path: where its record lies, if there is one.
        environment: number of the machine and versions that it was made with.
        revision: git revision of the code that made it.
    """

    title: str
    anchor: str
    output: Path
    key: str | None
    inputs: list[tuple[str, str]]
    record: dict[str, Any] | None
    record_path: Path
    environment: int | None
    revision: str | None


def _work(study: Study, job: Job, made: _Environments) -> Work:
    path, record = study.record(job)
    unknown = study.saved and job.stage not in DRAWN
    return Work(
        title=job.title,
        anchor=_anchor(job),
        output=job.output,
        key=record["key"] if record else None if unknown else job.key,
        inputs=list(_inputs(job)),
        record=record,
        record_path=path,
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
            yield stage, _anchor(next(needed for needed in read if needed.stage == stage))


def _revision(record: Mapping[str, Any]) -> str:
    return record["code"].get("revision") or "unknown"


def _anchor(job: Job) -> str:
    return f"job {job.title}".replace(" ", "-")  # not that of a section, such as "tables"


def _grid(study: Study) -> dict[str, list[str]]:
    """The axes of the study, as tables name their values."""
    params, grid = study.params, study.params.grid
    labels = {
        axis: [getattr(params, axis)[n].label for n in getattr(grid, axis)] for axis in FOLDERS
    }
    return {
        "data sets": labels["datasets"],
        "imbalance ratios": [ir_label(ratio) for ratio in grid.imbalance_ratios],
        "networks": labels["architectures"],
        "methods": labels["methods"],
        "attacks": labels["attacks"],
        "seeds": [str(seed) for seed in grid.seeds],
        "checkpoints": list(grid.checkpoints),
    }


def _anchors(study: Study) -> dict[tuple[str, str], str]:
    """By a table's setting and the label of a method: its first predictions, in the list of all artifacts."""
    labels = _labels(study)
    first: dict[tuple[str, str], str] = {}
    for job in study.jobs("attack"):
        cell = job.cell
        setting = setting_title(
            labels, cell["dataset"], cell["imbalance_ratio"], cell["architecture"]
        )
        first.setdefault((setting, labels["methods"][cell["method"]]), _anchor(job))
    return first


def _labels(study: Study) -> dict[str, dict[str, str]]:
    params = study.params
    return {
        axis: {n: getattr(params, axis)[n].label for n in getattr(params, axis)} for axis in FOLDERS
    }


def _figure(study: Study, about: Mapping[str, Any], file: Path) -> dict[str, Any]:
    """A picture; what it shows is the first sentence of the module that draws it."""
    labels = _labels(study)
    names = [labels["datasets"][about["dataset"]], labels["architectures"][about["architecture"]]]
    if "imbalance_ratio" in about:
        names.insert(1, f"IR {about['imbalance_ratio']}")
    shows = plugins.title("report.figures", about["figure"])
    data = base64.b64encode(file.read_bytes()).decode()
    return {
        "title": f"{', '.join(names)}: {shows}",
        "file": file,
        "source": f"data:image/svg+xml;base64,{data}",
    }


def _warnings(metrics: pd.DataFrame) -> list[dict[str, Any]]:
    """What attacks have warned of: once for all test sets and groups."""
    if "warnings" not in metrics:
        return []
    columns = [*MODEL, "attack", "warnings"]
    warned = metrics.dropna(subset=["warnings"])[columns].drop_duplicates()
    single = warned.assign(warnings=warned["warnings"].map(notes.split)).explode("warnings")
    rows: list[dict[str, Any]] = single.to_dict("records")
    return rows


def _parameters(study: Study, file: Path) -> Iterator[tuple[str, str, str]]:
    """Name, value and origin of every parameter."""
    for name, value, origin in listed(of_study(read_selected(file, study.selection))):
        yield name, json.dumps(value, ensure_ascii=False), origin


def _stage(name: str, jobs: list[Work]) -> dict[str, Any]:
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


def _made(work: Mapping[str, list[Work]]) -> dict[str, Any]:
    """Code and time of the whole."""
    records = [job.record for jobs in work.values() for job in jobs if job.record is not None]
    starts = sorted(record["started"] for record in records)
    return {
        "code": sorted({_revision(record) for record in records}),
        "first": starts[0] if starts else None,
        "last": starts[-1] if starts else None,
    }


def _arrow(
    start: Mapping[str, Any], end: Mapping[str, Any], boxes: Iterable[Mapping[str, Any]]
) -> dict[str, float]:
    """From the right of a box to the left of another; below the boxes of their row that are between them.

    ``bend1`` and ``bend2`` are the heights of the control points of the curve (cubic Bézier).
    """
    y1, y2 = (box["y"] + BOX[1] / 2 for box in (start, end))
    row = [box["x"] for box in boxes if box["y"] == start["y"] == end["y"]]
    down = UNDER if any(start["x"] < x < end["x"] for x in row) else 0
    return {
        "x1": start["x"] + BOX[0],
        "y1": y1,
        "x2": end["x"],
        "y2": y2,
        "bend1": y1 + down,
        "bend2": y2 + down,
    }


def _graph(study: Study) -> dict[str, Any]:
    """The stages as boxes and arrows: one column further right than all that they wait for."""
    names = [name for name in STAGES if study.jobs(name)]  # in the order of the work
    # A stage 1 may go on from another one; the stage does not wait for itself.
    needs = {
        name: sorted({n.stage for job in study.jobs(name) for n in job.direct_inputs} - {name})
        for name in names
    }
    column: dict[str, int] = {}
    for name in names:
        column[name] = 1 + max((column[needed] for needed in needs[name]), default=-1)
    boxes: dict[str, dict[str, Any]] = {}
    for name in names:
        row = sum(column[other] == column[name] for other in boxes)
        boxes[name] = {
            "name": name,
            "jobs": len(study.jobs(name)),
            "x": column[name] * (BOX[0] + GAP[0]) + 2,
            "y": row * (BOX[1] + GAP[1]) + 2,
        }
    arrows = [
        _arrow(boxes[needed], boxes[name], boxes.values())
        for name in names
        for needed in needs[name]
    ]
    return {
        "boxes": list(boxes.values()),
        "arrows": arrows,
        "box": BOX,
        "bend": BEND,
        "width": max(box["x"] for box in boxes.values()) + BOX[0] + 2,
        "height": max(box["y"] for box in boxes.values()) + BOX[1] + 2,
    }

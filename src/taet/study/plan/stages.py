"""The stages of the pipeline: of each its axes, where its output lies, and what makes a job of it.

Nothing here imports torch, nor runs a plugin but to ask a data set of one's own for its files.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from taet.errors import UserError
from taet.options import DatasetOptions
from taet.study.params import plugins
from taet.study.plan.job import Cell, Job
from taet.study.plan.pictures import pictures
from taet.study.plan.shown import shown
from taet.study.store import artifacts
from taet.study.store.artifacts import MANIFEST
from taet.study.store.contents import digest_of

if TYPE_CHECKING:
    from taet.study.plan.study import Study

SCORES = ("metrics.csv", "intervals.csv", "contrasts.csv", "training.csv", "confusion.csv")
INSPECTED = ("features.csv", "examples.csv", "examples.safetensors")
TABLES = ("main.csv", "main.md", "main.tex", "headline.json", "headline.csv")
FIGURE_FORMATS = ("svg", "pdf", "png")
DRAWN = ("tables", "figures")  # stages that numbers are shown by


@dataclass(frozen=True)
class Needs:
    """What makes the output of a job.

    Attributes:
        reads: the parameters it reads, by name.
        inputs: the jobs whose output it reads, by name.
        plugins: modules that it runs beside that of its stage.
        files: what it writes beside its output, in the same folder.
    """

    reads: Mapping[str, Any]
    inputs: Mapping[str, Job] = field(default_factory=dict)
    plugins: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


def download(study: "Study", cell: Cell) -> Needs:
    dataset = study.params.datasets[cell["dataset"]]
    reads: dict[str, Any] = {"dataset": dataset, "download": study.params.download}
    if plugins.defines("datasets", dataset.kind, "sources"):
        reads["contents"] = _contents(study.folder, cell["dataset"], dataset)
    return Needs(reads, plugins=(f"taet.datasets.{dataset.kind}",))


def _contents(root: Path, name: str, options: DatasetOptions) -> str:
    """Digest of the files that a data set of one's own is read from.

    Where none of them is here, as in a clone to which DVC has brought the images: of those they were.
    """
    images = root / STAGES["download"].output.format(dataset=name)
    try:
        files = plugins.load("datasets", options.kind).sources(images.parent, options)
    except UserError:  # there is no folder, or nothing in it
        files = []
        if not images.is_file():
            raise
    if images.is_file() and not any(file.exists() for file in files):
        return str(artifacts.read_facts(images).get("contents"))
    return digest_of(files, root, Path("data/contents", f"{name}.json"))


def subsample(study: "Study", cell: Cell) -> Needs:
    return Needs(
        {"longtail": study.params.datasets[cell["dataset"]].longtail},
        {"images": study.job("download", dataset=cell["dataset"])},
    )


def stabilize(study: "Study", cell: Cell) -> Needs:
    recipe = study.params.stabilizations[cell["stabilization"]]
    return _training(study, cell, recipe.method, recipe.epochs, recipe.after)


def equalize(study: "Study", cell: Cell) -> Needs:
    method = study.params.methods[cell["method"]]
    return _training(study, cell, cell["method"], method.training.epochs, method.stabilization)


def _training(study: "Study", cell: Cell, method: str, stop: int, stage1: str | None) -> Needs:
    """Stage 1 and stage 2 are the same work: a method from one epoch to another."""
    p = study.params
    architecture, options = p.architectures[cell["architecture"]], p.methods[method]
    inputs = _data(study, cell)
    if stage1 is not None:
        inputs["stage1"] = study.job("stabilize", **{**cell, "stabilization": stage1})
    return Needs(
        {
            "architecture": architecture,
            "threat": p.threat,
            "training": options.training,
            "compute": p.compute,
            "method": options,
            "stop": stop,
        },
        inputs,
        (f"taet.architectures.{architecture.kind}", f"taet.methods.{options.kind}"),
    )


def _data(study: "Study", cell: Cell) -> dict[str, Job]:
    return {"images": study.job("download", **cell), "split": study.job("subsample", **cell)}


def attack(study: "Study", cell: Cell) -> Needs:
    p = study.params
    attacks = {name: p.attacks[name] for name in study.attack_jobs[cell["job"]]}
    modules = {f"taet.attacks.{options.kind}" for options in attacks.values()}
    modules.add(f"taet.architectures.{p.architectures[cell['architecture']].kind}")
    return Needs(
        {
            "attacks": attacks,
            "cautions": {name: options.cautions() for name, options in attacks.items()},
            "threat": p.threat,
            "evaluation": p.evaluation,
            "compute": p.compute,
        },
        {**_data(study, cell), "model": study.job("equalize", **cell)},
        tuple(sorted(modules)),
    )


def score(study: "Study", cell: Cell) -> Needs:
    stages = ("subsample", "equalize", "attack")
    inputs = {job.title: job for stage in stages for job in study.jobs(stage)}
    report = study.params.report
    reads = {
        "groups": report.groups,
        "worst_cases": report.worst_cases,
        "bootstrap": report.bootstrap,
        "confidence": report.confidence,
        "threat": study.params.threat,
        "headline_attack": report.headline_attack,
        "test_set": report.test_set,
        "checkpoint": report.checkpoint,
        # The order of the rows is that of the grid; keys do not see the order of mappings.
        "order": [*inputs, *study.params.grid.attacks, *report.worst_cases],
    }
    return Needs(reads, inputs, files=SCORES)


def inspect(study: "Study", cell: Cell) -> Needs:
    p, seed = study.params, study.params.grid.seeds[0]
    headline = p.attacks[p.report.headline_attack]
    networks = [job for job in study.jobs("equalize") if job.cell["seed"] == seed]
    inputs = {job.title: job for job in networks}
    for network in networks:  # read with it
        inputs |= {network.inputs[name].title: network.inputs[name] for name in ("images", "split")}
    reads = {
        "order": list(inputs),  # see score
        "inspection": p.report.inspection,
        "checkpoint": p.report.checkpoint,
        "headline_attack": p.report.headline_attack,
        "attack": headline,
        "threat": p.threat,
        "compute": p.compute,
    }
    kinds = {p.architectures[name].kind for name in p.grid.architectures}
    modules = [f"taet.attacks.{headline.kind}", *(f"taet.architectures.{kind}" for kind in kinds)]
    return Needs(reads, inputs, tuple(sorted(modules)), INSPECTED)


def tables(study: "Study", cell: Cell) -> Needs:
    return Needs(shown(study.params), {"score": study.job("score")}, files=TABLES)


def figures(study: "Study", cell: Cell) -> Needs:
    drawn = pictures(study.params)
    return Needs(
        {**shown(study.params), "pictures": drawn},
        {"score": study.job("score"), "inspect": study.job("inspect")},
        tuple(sorted({f"taet.report.figures.{about['figure']}" for about in drawn.values()})),
        tuple(f"{name}.{suffix}" for name in drawn for suffix in FIGURE_FORMATS),
    )


@dataclass(frozen=True)
class Stage:
    """A kind of job: its axes, where its main output lies, and what makes it."""

    name: str
    axes: tuple[str, ...]
    output: str
    """Path with {study} and the axes in braces; the file that carries the key."""
    help: str
    needs: Callable[["Study", Cell], Needs]


_CELL = "{dataset}/ir{imbalance_ratio}/{architecture}"
STAGES = {
    stage.name: stage
    for stage in (
        Stage(
            "download",
            ("dataset",),
            "data/raw/{dataset}/images.safetensors",
            "obtain a data set, verify it, and store it as one array of images",
            download,
        ),
        Stage(
            "subsample",
            ("dataset", "imbalance_ratio", "seed"),
            "data/longtail/{study}/{dataset}/ir{imbalance_ratio}/seed{seed}.safetensors",
            "draw the long-tailed training set and the test sets as index lists",
            subsample,
        ),
        Stage(
            "stabilize",
            ("dataset", "imbalance_ratio", "architecture", "stabilization", "seed"),
            "results/{study}/stabilize/" + _CELL + "/{stabilization}/seed{seed}.safetensors",
            "train stage 1, the checkpoint that methods share",
            stabilize,
        ),
        Stage(
            "equalize",
            ("dataset", "imbalance_ratio", "architecture", "method", "seed"),
            "results/{study}/equalize/" + _CELL + "/{method}/seed{seed}.safetensors",
            "train a method to its end, from stage 1 where it has one",
            equalize,
        ),
        Stage(
            "attack",
            ("dataset", "imbalance_ratio", "architecture", "method", "seed", "checkpoint", "job"),
            "results/{study}/attack/"
            + _CELL
            + "/{method}/seed{seed}/{checkpoint}/{job}.safetensors",
            "attack a trained model and store its prediction for each test image",
            attack,
        ),
        Stage(
            "score",
            (),
            "results/{study}/score/" + MANIFEST,
            "turn all predictions into metrics.csv",
            score,
        ),
        Stage(
            "inspect",
            (),
            "results/{study}/inspect/" + MANIFEST,
            "look into networks: features of the rarest classes, and some images under attack",
            inspect,
        ),
        Stage("tables", (), "results/{study}/tables/" + MANIFEST, "write the tables", tables),
        Stage("figures", (), "results/{study}/figures/" + MANIFEST, "draw the figures", figures),
    )
}

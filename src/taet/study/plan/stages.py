"""The stages of the pipeline: each with its axes, the path of its output, and what its jobs need.

Nothing here imports torch. The only plugins that run are users' own data sets, to list their files.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from taet.axes import MODEL, NETWORK, SETTING, SPLIT, path_pattern
from taet.errors import UserError
from taet.options import DatasetOptions
from taet.study.params import plugins
from taet.study.plan.figures import figures_of
from taet.study.plan.job import Cell, Job
from taet.study.plan.shown import shown
from taet.study.plan.variants import families
from taet.study.store import artifacts
from taet.study.store.artifacts import MANIFEST
from taet.study.store.contents import digest_of

if TYPE_CHECKING:
    from taet.study.plan.study import Study

DRAWN = ("tables", "figures")  # stages that show the numbers


@dataclass(frozen=True)
class Needs:
    """What a job needs, and what it writes.

    Attributes:
        reads: the parameters it reads, by name.
        inputs: the jobs whose output it reads, by name.
        plugins: modules that it runs besides that of its stage.
        files: names of the files that it writes into the folder of its output.
    """

    reads: Mapping[str, Any]
    inputs: Mapping[str, Job] = field(default_factory=dict)
    plugins: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


def download(study: "Study", cell: Cell) -> Needs:
    """Options of the data set, and the digest of the files if they are the user's own."""
    dataset = study.params.datasets[cell["dataset"]]
    reads: dict[str, Any] = {"dataset": dataset, "download": study.params.download}
    if plugins.defines("datasets", dataset.kind, "sources"):
        reads["contents"] = _contents(study.folder, cell["dataset"], dataset)
    return Needs(reads, plugins=(f"taet.datasets.{dataset.kind}",))


def _contents(root: Path, name: str, options: DatasetOptions) -> str:
    """Digest of the files from which a user's own data set is read.

    Without any of them, as in a clone into which DVC has fetched the images, it is the digest that was stored
    with the images.
    """
    images = root / STAGES["download"].output.format(dataset=name)
    try:
        files = plugins.load("datasets", options.kind).sources(images.parent, options)
    except UserError:  # the folder is missing or empty
        files = []
        if not images.is_file():
            raise
    if images.is_file() and not any(file.exists() for file in files):
        return str(artifacts.read_facts(images).get("contents"))
    return digest_of(files, root, Path("data/contents", f"{name}.json"))


def subsample(study: "Study", cell: Cell) -> Needs:
    """The long tail's options, and all images."""
    return Needs(
        {"longtail": study.params.datasets[cell["dataset"]].longtail},
        {"images": study.job("download", dataset=cell["dataset"])},
    )


def stabilize(study: "Study", cell: Cell) -> Needs:
    """Those of ``_training`` up to the end of stage 1."""
    stabilization = study.params.stabilizations[cell["stabilization"]]
    return _training(study, cell, stabilization.method, stabilization.epochs, stabilization.after)


def equalize(study: "Study", cell: Cell) -> Needs:
    """Those of ``_training`` up to the last epoch, from stage 1 on if the method has one."""
    method = study.params.methods[cell["method"]]
    return _training(study, cell, cell["method"], method.training.epochs, method.stabilization)


def _training(
    study: "Study", cell: Cell, method: str, stop: int, stabilization: str | None
) -> Needs:
    """Needs of both stages of a training, which are the same work: a method from one epoch to another."""
    p = study.params
    architecture, options = p.architectures[cell["architecture"]], p.methods[method]
    inputs = _data(study, cell)
    if stabilization is not None:
        inputs["stage1"] = study.job("stabilize", **{**cell, "stabilization": stabilization})
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
    """Options of the attacks that share the job, the network, and the test images."""
    p = study.params
    attacks = {name: p.attacks[name] for name in study.attack_jobs[cell["job"]]}
    modules = {f"taet.attacks.{options.kind}" for options in attacks.values()}
    modules.add(f"taet.architectures.{p.architectures[cell['architecture']].kind}")
    return Needs(
        {
            "attacks": attacks,
            "cautions": {name: options.cautions() for name, options in attacks.items()},
            "balls": {name: list(options.ball(p.threat.eps)) for name, options in attacks.items()},
            "threat": p.threat,
            "evaluation": p.evaluation,
            "compute": p.compute,
        },
        {**_data(study, cell), "model": study.job("equalize", **cell)},
        tuple(sorted(modules)),
    )


def score(study: "Study", cell: Cell) -> Needs:
    """Every split, network and prediction of the study, and how to sum them up."""
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
        # Rows are in the order of the grid, and keys do not depend on the order of mappings.
        "order": [*inputs, *study.params.grid.attacks, *report.worst_cases],
    }
    return Needs(reads, inputs, files=_files("score"))


def inspect(study: "Study", cell: Cell) -> Needs:
    """The networks of the first seed with their images, and the attack to show."""
    p, seed = study.params, study.params.grid.seeds[0]
    headline = p.attacks[p.report.headline_attack]
    networks = [job for job in study.jobs("equalize") if job.cell["seed"] == seed]
    inputs = {job.title: job for job in networks}
    for network in networks:  # with each its images
        inputs |= {network.inputs[name].title: network.inputs[name] for name in ("images", "split")}
    reads = {
        "order": list(inputs),  # as in ``score``
        "inspection": p.report.inspection,
        "checkpoint": p.report.checkpoint,
        "headline_attack": p.report.headline_attack,
        "attack": headline,
        "ball": list(headline.ball(p.threat.eps)),
        "threat": p.threat,
        "compute": p.compute,
    }
    kinds = {p.architectures[name].kind for name in p.grid.architectures}
    modules = [f"taet.attacks.{headline.kind}", *(f"taet.architectures.{kind}" for kind in kinds)]
    return Needs(reads, inputs, tuple(sorted(modules)), _files("inspect"))


def tables(study: "Study", cell: Cell) -> Needs:
    """The scores, and what is shown of them."""
    return Needs(
        shown(study.params, study.folder), {"score": study.job("score")}, files=_files("tables")
    )


def figures(study: "Study", cell: Cell) -> Needs:
    """The scores, the inspected images, and which figures to draw."""
    drawn, formats = figures_of(study.params), plugins.constant("stages", "figures", "FORMATS")
    return Needs(
        {
            **shown(study.params, study.folder),
            "families": families(study.params),
            "figures": drawn,
        },
        {"score": study.job("score"), "inspect": study.job("inspect")},
        tuple(sorted({f"taet.report.figures.{about['figure']}" for about in drawn.values()})),
        tuple(f"{name}.{suffix}" for name in drawn for suffix in formats),
    )


def _files(stage: str) -> tuple[str, ...]:
    """Names of the files that a stage writes, as its module states them."""
    return tuple(plugins.constant("stages", stage, "FILES"))


@dataclass(frozen=True)
class Stage:
    """A kind of job."""

    name: str
    axes: tuple[str, ...]
    output: str
    """Path of the file that carries the key, with {study} and the axes in braces."""
    help: str
    needs: Callable[["Study", Cell], Needs]


def _in_cells(folder: str, axes: tuple[str, ...]) -> str:
    """Path of an output that every cell has."""
    return f"{folder}/{path_pattern(axes)}.safetensors"


STABILIZED = (*SETTING, "stabilization", "seed")
ATTACKED = (*MODEL, "job")
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
            SPLIT,
            _in_cells("data/longtail/{study}", SPLIT),
            "draw the long-tailed training set and the test sets as index lists",
            subsample,
        ),
        Stage(
            "stabilize",
            STABILIZED,
            _in_cells("results/{study}/stabilize", STABILIZED),
            "train stage 1, the checkpoint that methods share",
            stabilize,
        ),
        Stage(
            "equalize",
            NETWORK,
            _in_cells("results/{study}/equalize", NETWORK),
            "train a method to its end, from stage 1 where it has one",
            equalize,
        ),
        Stage(
            "attack",
            ATTACKED,
            _in_cells("results/{study}/attack", ATTACKED),
            "attack a trained model and store its prediction for each test image",
            attack,
        ),
        Stage(
            "score",
            (),
            "results/{study}/score/" + MANIFEST,
            "turn all predictions into numbers of each network and over seeds",
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

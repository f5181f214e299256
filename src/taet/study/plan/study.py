"""The grid: every job of a study, its files, and what it reads.

The Snakefile, the command line, ``taet verify`` and the tests all ask this module, so that there is
one description of the work. Nothing here imports torch.
"""

import itertools
from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from taet.decimals import is_integer
from taet.errors import UserError, suggest
from taet.options import DatasetOptions, Options
from taet.source_code import PACKAGE
from taet.study.params import plugins
from taet.study.params.blocks import Params, imbalance_ratio, ir_label
from taet.study.params.plugins import FOLDERS
from taet.study.plan.costs import training_passes
from taet.study.plan.job import STAGES, Cell, Job, hash_of
from taet.study.plan.kept import RECORDED, check_cells, check_records, kept_key
from taet.study.plan.published import comparable
from taet.study.plan.variants import STAGE1_EPOCHS, sweep, variants
from taet.study.store import artifacts
from taet.study.store.artifacts import MANIFEST
from taet.study.store.contents import digest_of
from taet.study.store.fingerprint import fingerprint

SCORES = ("metrics.csv", "intervals.csv", "contrasts.csv", "training.csv", "confusion.csv")
INSPECTED = ("features.csv", "examples.csv", "examples.safetensors")
FIGURE_FORMATS = ("svg", "pdf", "png")
REFERENCE = Path("results/reference")  # small results of studies that take long, in git


class Study:
    """All jobs of one study.

    Args:
        params: its parameters.
        kept: draw tables and figures from the metrics in ``results/reference``, not from new ones.
        folder: where data sets of one's own are read from; paths of jobs are relative to it.
    """

    def __init__(self, params: Params, kept: bool = False, folder: Path = Path()) -> None:
        self.params, self.kept, self.folder = params, kept, folder
        self._jobs: dict[tuple[str, ...], Job] = {}
        self._dumps: dict[int, Any] = {}

    # -- what there is ---------------------------------------------------------------------------

    def cells(self, stage: str) -> Iterator[dict[str, Any]]:
        """Every cell of the grid for a stage, in the grid's order."""
        grid = self.params.grid
        values: dict[str, list[Any]] = {
            "dataset": grid.datasets,
            "ir": [ir_label(ratio) for ratio in grid.imbalance_ratios],
            "architecture": grid.architectures,
            "method": grid.methods,
            "seed": grid.seeds,
            "stabilization": self.stabilizations,
            "checkpoint": grid.checkpoints,
            "job": list(self.attack_jobs),
        }
        axes = STAGES[stage].axes
        for combination in itertools.product(*(values[axis] for axis in axes)):
            yield dict(zip(axes, combination, strict=True))

    def jobs(self, stage: str) -> list[Job]:
        """Every job of the grid for a stage."""
        return [self.job(stage, **cell) for cell in self.cells(stage)]

    @cached_property
    def stabilizations(self) -> list[str]:
        """Stage-1 recipes that the grid's methods start from."""
        names: list[str] = []
        for method in self.params.grid.methods:
            recipe = self.params.methods[method].stabilization
            while recipe is not None:
                names.append(recipe)
                recipe = self.params.stabilizations[recipe].after
        return list(dict.fromkeys(names))

    @cached_property
    def attack_jobs(self) -> dict[str, list[str]]:
        """Attacks of the grid by the job they share."""
        jobs: dict[str, list[str]] = {}
        for name in self.params.grid.attacks:
            jobs.setdefault(self.params.attacks[name].job, []).append(name)
        return jobs

    def lost(self) -> list[Job]:
        """Jobs whose output is gone though something made from it is still there."""
        everything = [job for stage in STAGES for job in self.jobs(stage)]
        there = {id(job) for job in everything if job.output.exists()}
        used = {id(n): n for job in everything if id(job) in there for n in job.inputs.values()}
        return [job for key, job in used.items() if key not in there]

    # -- one job ---------------------------------------------------------------------------------

    def job(self, stage: str, **cell: Any) -> Job:
        """The job of a stage for a cell; values may be text, as wildcards are.

        Raises:
            UserError: an axis has a value that the parameters do not know.
        """
        axes = STAGES[stage].axes
        index = (stage, *(str(cell[axis]) for axis in axes))
        if index not in self._jobs:
            checked = {axis: self.axis_value(axis, cell[axis]) for axis in axes}
            self._jobs[index] = getattr(self, f"_{stage}")(checked)
        return self._jobs[index]

    def pattern(self, stage: str) -> str:
        """Path of a stage's output with wildcards in braces."""
        return STAGES[stage].output.replace("{study}", self.params.study)

    def axis_value(self, axis: str, value: Any) -> Any:
        """A value of an axis, which may be text.

        Raises:
            UserError: the parameters do not know it.
        """
        text = str(value)
        if axis == "seed":
            if not (is_integer(text) and 0 <= int(text) < 2**31):
                raise UserError(f"seed {text!r}: must be a whole number from 0 to {2**31 - 1}")
            return int(text)
        if axis == "ir":
            try:
                return ir_label(imbalance_ratio(text))
            except ValueError as error:
                raise UserError(f"imbalance ratio {text!r}: {error}") from None
        names: dict[str, Collection[str]] = {
            "dataset": self.params.datasets,
            "architecture": self.params.architectures,
            "stabilization": self.params.stabilizations,
            "method": self.params.methods,
            "checkpoint": self.params.grid.checkpoints,
            "job": self.attack_jobs,
        }
        known = names[axis]
        if text not in known:
            raise UserError(
                f"no {axis} {text!r} in study {self.params.study!r}{suggest(text, known)}"
            )
        return text

    def _make(
        self,
        stage: str,
        cell: Cell,
        reads: Mapping[str, Any],
        inputs: Mapping[str, Job],
        plugin_modules: tuple[str, ...] = (),
        files: tuple[str, ...] = (),
    ) -> Job:
        output = Path(STAGES[stage].output.format(study=self.params.study, **cell))
        return Job(
            stage=stage,
            study=self.params.study,
            cell=cell,
            reads=reads,
            code=(f"taet.stages.{stage}", *plugin_modules),
            inputs=inputs,
            output=output,
            files=tuple(output.parent / name for name in files),
            dump=self._dumped,
        )

    def _dumped(self, value: Any) -> Any:
        """JSON of a parameter block, without what changes no artifact: print, and places."""
        if isinstance(value, dict):
            return {name: self._dumped(item) for name, item in value.items()}
        if not isinstance(value, Options):
            return value
        if id(value) not in self._dumps:
            self._dumps[id(value)] = value.model_dump(mode="json", exclude=set(value.not_in_keys))
        return self._dumps[id(value)]

    # -- what each stage reads -------------------------------------------------------------------

    def _download(self, cell: Cell) -> Job:
        dataset = self.params.datasets[cell["dataset"]]
        reads: dict[str, Any] = {"dataset": dataset, "download": self.params.download}
        if plugins.defines("datasets", dataset.kind, "sources"):
            reads["contents"] = self._contents(cell["dataset"], dataset)
        return self._make("download", cell, reads, {}, (f"taet.datasets.{dataset.kind}",))

    def _contents(self, name: str, options: DatasetOptions) -> str:
        """Digest of the files that a data set of one's own is read from.

        Where none of them is here, as in a clone to which DVC has brought the images: of those they were.
        """
        images = self.folder / STAGES["download"].output.format(dataset=name)
        try:
            files = plugins.load("datasets", options.kind).sources(images.parent, options)
        except UserError:  # there is no folder, or nothing in it
            files = []
            if not images.is_file():
                raise
        if images.is_file() and not any(file.exists() for file in files):
            return str(artifacts.read_facts(images).get("contents"))
        return digest_of(files, self.folder, Path("data/contents", f"{name}.json"))

    def _subsample(self, cell: Cell) -> Job:
        return self._make(
            "subsample",
            cell,
            {"longtail": self.params.datasets[cell["dataset"]].longtail},
            {"images": self.job("download", dataset=cell["dataset"])},
        )

    def _data_inputs(self, cell: Cell) -> dict[str, Job]:
        return {
            "images": self.job("download", **cell),
            "split": self.job("subsample", **cell),
        }

    def _training(self, stage: str, cell: Cell, method: str, stop: int, stage1: str | None) -> Job:
        """Stage 1 and stage 2 are the same work: a method from one epoch to another."""
        p = self.params
        architecture, options = p.architectures[cell["architecture"]], p.methods[method]
        reads = {
            "architecture": architecture,
            "threat": p.threat,
            "training": options.training,
            "compute": p.compute,
            "method": options,
            "stop": stop,
        }
        inputs = self._data_inputs(cell)
        if stage1 is not None:
            inputs["stage1"] = self.job("stabilize", **{**cell, "stabilization": stage1})
        code = (f"taet.architectures.{architecture.kind}", f"taet.methods.{options.kind}")
        return self._make(stage, cell, reads, inputs, code)

    def _stabilize(self, cell: Cell) -> Job:
        recipe = self.params.stabilizations[cell["stabilization"]]
        return self._training("stabilize", cell, recipe.method, recipe.epochs, recipe.after)

    def _equalize(self, cell: Cell) -> Job:
        method, options = cell["method"], self.params.methods[cell["method"]]
        return self._training(
            "equalize", cell, method, options.training.epochs, options.stabilization
        )

    def _attack(self, cell: Cell) -> Job:
        p = self.params
        attacks = {name: p.attacks[name] for name in self.attack_jobs[cell["job"]]}
        reads = {
            "attacks": attacks,
            "threat": p.threat,
            "evaluation": p.evaluation,
            "compute": p.compute,
        }
        inputs = {**self._data_inputs(cell), "model": self.job("equalize", **cell)}
        modules = {f"taet.attacks.{options.kind}" for options in attacks.values()}
        modules.add(f"taet.architectures.{p.architectures[cell['architecture']].kind}")
        return self._make("attack", cell, reads, inputs, tuple(sorted(modules)))

    def _kept(self, stage: str, cell: Cell, files: tuple[str, ...]) -> Job:
        """What a stage has left in ``REFERENCE``."""
        folder = REFERENCE / self.params.study / stage
        if not folder.exists():
            known = sorted(f.parent.parent.name for f in REFERENCE.glob(f"*/{stage}/{MANIFEST}"))
            raise UserError(
                f"no metrics of study {self.params.study!r} are kept{suggest(self.params.study, known)}"
            )
        kept = tuple(folder / name for name in files)
        return Job(
            stage=stage,
            study=self.params.study,
            cell=cell,
            reads={},
            code=(),
            inputs={},
            output=folder / MANIFEST,
            files=kept,
            made_by=kept_key(folder / MANIFEST, kept),
        )

    def _attacked(self) -> Iterator[tuple[str, ...]]:
        """Every network and checkpoint under every attack and worst case, as metrics.csv writes them."""
        grid = self.params.grid
        attacks = ("clean", *grid.attacks, *self.params.report.worst_cases)
        for network in self.cells("equalize"):
            for place in itertools.product(grid.checkpoints, attacks):
                yield (*map(str, network.values()), *place)

    def _score(self, cell: Cell) -> Job:
        if self.kept:
            kept, study = self._kept("score", cell, SCORES), self.params.study
            check_cells(kept.files[0], study, self._attacked())
            made = Study(self.params)
            jobs = (job for stage in RECORDED for job in made.jobs(stage))
            check_records(REFERENCE / study / "records", study, jobs)
            return kept
        inputs = {}
        for split in self.jobs("subsample"):
            inputs[split.title] = split
        for network in self.jobs("equalize"):
            inputs[network.title] = network
        for attack in self.jobs("attack"):
            inputs[attack.title] = attack
        # The order of the rows is that of the grid; keys do not see the order of mappings.
        report = self.params.report
        reads = {
            "groups": report.groups,
            "worst_cases": report.worst_cases,
            "bootstrap": report.bootstrap,
            "confidence": report.confidence,
            "threat": self.params.threat,
            "headline_attack": report.headline_attack,
            "view": report.view,
            "checkpoint": report.checkpoint,
            "order": [*inputs, *self.params.grid.attacks, *report.worst_cases],
        }
        return self._make("score", cell, reads, inputs, files=SCORES)

    def _inspect(self, cell: Cell) -> Job:
        if self.kept:
            return self._kept("inspect", cell, INSPECTED)
        p, seed = self.params, self.params.grid.seeds[0]
        headline = p.attacks[p.report.headline_attack]
        networks = [job for job in self.jobs("equalize") if job.cell["seed"] == seed]
        inputs = {job.title: job for job in networks}
        for network in networks:  # read with it
            inputs |= {
                network.inputs[name].title: network.inputs[name] for name in ("images", "split")
            }
        reads = {
            "order": list(inputs),  # see _score
            "inspection": p.report.inspection,
            "checkpoint": p.report.checkpoint,
            "headline_attack": p.report.headline_attack,
            "attack": headline,
            "threat": p.threat,
            "compute": p.compute,
        }
        modules = {f"taet.attacks.{headline.kind}"}
        modules |= {
            f"taet.architectures.{p.architectures[name].kind}" for name in p.grid.architectures
        }
        return self._make("inspect", cell, reads, inputs, tuple(sorted(modules)), INSPECTED)

    def _shown(self) -> dict[str, Any]:
        """What tables and figures read: their settings, and the order and labels of everything."""
        grid, p = self.params.grid, self.params
        labels = {
            axis: {name: getattr(p, axis)[name].label for name in getattr(grid, axis)}
            for axis in FOLDERS
        }
        labels["attacks"] |= {name: w.label for name, w in p.report.worst_cases.items()}
        order = {axis: list(names) for axis, names in labels.items()}  # see _score
        return {
            "report": p.report,
            "labels": labels,
            "order": order,
            "study": p.study,
            "threat": p.threat,
            "variants": self.variants,
            "costs": {method: training_passes(p, method) for method in grid.methods},
            "published": comparable(p),
        }

    @cached_property
    def variants(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Methods of the grid that are one with different options; see ``taet.study.plan.variants``."""
        return variants(self.params)

    def _tables(self, cell: Cell) -> Job:
        files = ("main.csv", "main.md", "main.tex", "headline.json", "headline.csv")
        return self._make("tables", cell, self._shown(), {"score": self.job("score")}, files=files)

    def _figures(self, cell: Cell) -> Job:
        pictures = {
            f"{name}_{place['dataset']}_ir{place['ir']}_{place['architecture']}": {**what, **place}
            for place in self._places()
            for name, what in self._pictures()
        }
        ratios = [ir_label(r) for r in self.params.grid.imbalance_ratios if r != "natural"]
        if len(ratios) > 1:
            for place in self._places():
                where = {axis: place[axis] for axis in ("dataset", "architecture")}
                name = "_".join(["imbalance", *where.values()])
                pictures[name] = {"figure": "imbalance", "ratios": ratios, **where}
        files = tuple(f"{name}.{suffix}" for name in pictures for suffix in FIGURE_FORMATS)
        reads = {**self._shown(), "pictures": pictures}
        code = sorted({f"taet.report.figures.{what['figure']}" for what in pictures.values()})
        inputs = {"score": self.job("score"), "inspect": self.job("inspect")}
        return self._make("figures", cell, reads, inputs, tuple(code), files)

    def _pictures(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """What is drawn for each place: a name, the file in ``figures/``, and what that must know."""
        several = ("ba_br", "efficiency") if len(self.params.grid.methods) > 1 else ()
        for figure in ("per_class", *several, "confusion", "features", "examples"):
            yield figure, {"figure": figure}
        if all(self.params.methods[m].training.validation for m in self.params.grid.methods):
            yield "learning", {"figure": "learning"}
        for kind, methods in self.variants.items():
            lengths = sweep(methods, (STAGE1_EPOCHS,))
            weights = sweep(methods, ("alpha", "beta", "gamma"))
            for figure, members, least in (
                ("variants", list(methods), 3),
                ("stage1_length", lengths, 3),
                ("loss_weights", weights, 4),
            ):
                if len(members) >= least:
                    yield f"{figure}_{kind}", {"figure": figure, "kind": kind, "methods": members}

    @cached_property
    def page_key(self) -> str:
        """Hash of what the report shows and of what lays it out, 16 hex digits."""
        templates = (PACKAGE / "report/templates").glob("*.j2")
        body = [
            *(self.job(stage).key for stage in ("tables", "figures")),
            fingerprint("taet.report.page", "taet.study.params.overlay"),
            *(template.read_text(encoding="utf-8") for template in sorted(templates)),
        ]
        return hash_of(body)

    @property
    def stage_keys(self) -> dict[str, str]:
        """Of each stage, a hash over the keys of its jobs."""
        return {stage: hash_of([job.key for job in self.jobs(stage)]) for stage in STAGES}

    def _places(self) -> Iterator[dict[str, str]]:
        """Data set, imbalance ratio and architecture: what a table or picture is about."""
        grid = self.params.grid
        ratios = [ir_label(ratio) for ratio in grid.imbalance_ratios]
        for dataset, ir, architecture in itertools.product(
            grid.datasets, ratios, grid.architectures
        ):
            yield {"dataset": dataset, "ir": ir, "architecture": architecture}

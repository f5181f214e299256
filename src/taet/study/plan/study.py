"""A study: every job of its grid, by stage and cell; ``taet.study.plan.stages`` says what each reads.

The Snakefile, the command line and the tests all use this class. Nothing here imports torch.
"""

import itertools
from collections.abc import Collection, Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from taet.decimals import is_integer
from taet.errors import UserError, suggest
from taet.options import Options
from taet.study.params.blocks import Params, imbalance_ratio, imbalance_ratio_label
from taet.study.params.load import PARAMS_FILE, load_params
from taet.study.params.selection import Selection
from taet.study.plan.job import Cell, Job, hash_of
from taet.study.plan.stages import STAGES, Stage
from taet.study.store.records import read_record, record_path


def load_study(
    file: Path | str = PARAMS_FILE,
    study: Selection | str | None = None,
    *,
    planned: bool = False,
) -> "Study":
    """The study that a command asks for; arguments and errors are those of ``load_params``."""
    selection = study if isinstance(study, Selection) else Selection(study)
    params = load_params(file, selection, planned=planned)
    name = params.study.removesuffix(selection.suffix)
    return Study(params, selection=replace(selection, study=name))


class Study:
    """All jobs of one study.

    Args:
        params: its parameters.
        folder: the folder with users' own data sets; paths of jobs are relative to it.
        selection: how a command asks for the study; None for its name alone.
    """

    def __init__(
        self, params: Params, folder: Path = Path(), selection: Selection | None = None
    ) -> None:
        self.params, self.folder = params, folder
        self.selection = selection or Selection(params.study)
        self._jobs: dict[tuple[str, ...], Job] = {}
        self._dumps: dict[int, tuple[Options, Any]] = {}

    # -- all jobs --------------------------------------------------------------------------------

    def cells(self, stage: str) -> Iterator[dict[str, Any]]:
        """Every cell of the grid for a stage, in the grid's order."""
        grid = self.params.grid
        values: dict[str, list[Any]] = {
            "dataset": grid.datasets,
            "imbalance_ratio": [imbalance_ratio_label(ratio) for ratio in grid.imbalance_ratios],
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
        """Stabilizations that the grid's methods start from."""
        names: list[str] = []
        for method in self.params.grid.methods:
            stabilization = self.params.methods[method].stabilization
            while stabilization is not None:
                names.append(stabilization)
                stabilization = self.params.stabilizations[stabilization].after
        return list(dict.fromkeys(names))

    @cached_property
    def attack_jobs(self) -> dict[str, list[str]]:
        """Attacks of the grid by the job they share."""
        jobs: dict[str, list[str]] = {}
        for name in self.params.grid.attacks:
            jobs.setdefault(self.params.attacks[name].job, []).append(name)
        return jobs

    def lost(self) -> list[Job]:
        """Jobs whose output is missing, though an output that was made from it exists."""
        everything = [job for stage in STAGES for job in self.jobs(stage)]
        done = {id(job): job for job in everything if job.output.exists()}
        used = {id(needed): needed for job in done.values() for needed in job.inputs.values()}
        return [job for number, job in used.items() if number not in done]

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
            self._jobs[index] = self._make(STAGES[stage], checked)
        return self._jobs[index]

    def _make(self, stage: Stage, cell: Cell) -> Job:
        needs = stage.needs(self, cell)
        output = self.output_of_run(stage.name, cell)
        return Job(
            stage=stage.name,
            study=self.params.study,
            selection=self.selection,
            cell=cell,
            reads=needs.reads,
            code=(f"taet.stages.{stage.name}", *needs.plugins),
            inputs=needs.inputs,
            output=output,
            files=tuple(output.parent / name for name in needs.files),
            dump=self._dumped,
        )

    def output_of_run(self, stage: str, cell: Cell) -> Path:
        """Where a run of the study writes the output of a stage for a cell."""
        return Path(STAGES[stage].output.format(study=self.params.study, **cell))

    def record(self, job: Job) -> tuple[Path, dict[str, Any] | None]:
        """File of a job's record, and the record; None if there is none.

        Raises:
            UserError: it is damaged.
        """
        return record_path(job.output), read_record(job.output, job.key)

    def pattern(self, stage: str) -> str:
        """Path of a stage's output, with its axes in braces."""
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
        if axis == "imbalance_ratio":
            try:
                return imbalance_ratio_label(imbalance_ratio(text))
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

    def _dumped(self, value: Any) -> Any:
        """JSON of a parameter block, without fields that change no artifact, such as labels."""
        if isinstance(value, dict):
            return {name: self._dumped(item) for name, item in value.items()}
        if not isinstance(value, Options):
            return value
        if id(value) not in self._dumps:
            dumped = value.model_dump(mode="json", exclude=set(value.not_in_keys))
            self._dumps[id(value)] = (
                value,
                dumped,
            )  # with the block, whose id no other one gets then
        return self._dumps[id(value)][1]

    @property
    def stage_keys(self) -> dict[str, str]:
        """By stage, a hash over the keys of its jobs."""
        return {stage: hash_of([job.key for job in self.jobs(stage)]) for stage in STAGES}

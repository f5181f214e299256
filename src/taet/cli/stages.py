"""One command for each stage, which does one of its jobs."""

import argparse

from taet.cli.axes import add_axis
from taet.cli.commands import Commands, selection_of
from taet.errors import UserError
from taet.study.plan.stages import STAGES
from taet.study.plan.study import load_study
from taet.study.run.runner import run_job


def add(commands: Commands) -> None:
    for stage in STAGES.values():
        sub = commands.add(stage.name, stage.help, run_stage, changes=True)
        for axis in stage.axes:
            add_axis(sub, axis)
        sub.add_argument(
            "--key",
            help="key of the job in the plan that started it; refuse to work if parameters or "
            "code have changed since (Snakemake passes it)",
        )


def run_stage(options: argparse.Namespace) -> None:
    stage = STAGES[options.command]
    planned = options.key is not None
    study = load_study(options.params, selection_of(options), planned=planned)
    job = study.job(stage.name, **{axis: getattr(options, axis) for axis in stage.axes})
    if planned and options.key != job.key:
        raise UserError(
            f"{job.title}: parameters or code have changed since this was planned; "
            "run the command that planned it again"
        )
    run_job(job)

"""The commands ``report`` and ``redraw``: tables, figures and their page, without any training."""

import argparse

from taet.cli.commands import Commands, study_of
from taet.study.params.load import load_params
from taet.study.plan.saved import SavedStudy
from taet.study.plan.stages import DRAWN
from taet.study.run.runner import run_job


def add(commands: Commands) -> None:
    commands.add(
        "report",
        "write tables, figures and provenance as one page, results/STUDY/report.html",
        report,
        changes=True,
        named=True,
    )
    commands.add(
        "redraw",
        "write tables, figures and the page of the results saved in results/reference/STUDY, without any "
        "training, into results/STUDY/redrawn",
        redraw,
        named=True,
    )


def report(options: argparse.Namespace) -> None:
    from taet.report.page import write  # with pandas, which few commands need

    print(f"wrote {write(study_of(options), options.params)}")


def redraw(options: argparse.Namespace) -> None:
    from taet.report.page import write  # with pandas, which few commands need

    study = SavedStudy(load_params(options.params, options.study))
    for stage in DRAWN:
        run_job(study.job(stage))
    print(f"wrote {write(study, options.params)}")

"""The command ``verify``: whether results are those of the parameters and the code of today."""

import argparse
import shlex

from taet.cli.commands import Commands, study_of
from taet.cli.plan import check_plan
from taet.errors import UserError, counted, suggest
from taet.study.params.selection import Selection
from taet.study.plan.stages import STAGES
from taet.study.plan.study import Study
from taet.study.run.verify import (
    Problem,
    artifact_problems,
    cache_problems,
    remake,
    without_record,
)

MOST_PROBLEMS = 20  # that are printed


def add(commands: Commands) -> None:
    sub = commands.add(
        "verify",
        "read every byte of the results, and list what is damaged or was made with other parameters or code",
        verify,
        changes=True,
    )
    sub.add_argument(
        "stages",
        nargs="*",
        metavar="STAGE",
        help=f"any of: {', '.join(STAGES)} (default: all, and the objects in DVC's cache)",
    )
    sub.add_argument(
        "--planned",
        action="store_true",
        help="refuse if parameters or code have changed since results/STUDY/plan.json was written (DVC asks)",
    )
    sub.add_argument(
        "--remake",
        action="store_true",
        help="make these artifacts again, and delete damaged objects from DVC's cache",
    )


def verify(options: argparse.Namespace) -> None:
    unknown = [stage for stage in options.stages if stage not in STAGES]
    if unknown:
        raise UserError(f"no stage {unknown[0]!r}{suggest(unknown[0], STAGES)}")
    study, stages = study_of(options), options.stages or list(STAGES)
    if options.planned:
        check_plan(study, stages)
    problems = list(artifact_problems(study, stages))
    if not options.stages:
        problems += cache_problems()
    if problems and not options.remake:
        raise _verification_error(problems, study.selection)
    remake(problems)
    for problem in problems:
        print(f"{problem.file}: {'made again' if problem.job else 'taken out'}")
    _print_verified(study, stages)


def _run_all(selection: Selection) -> str:
    return f"snakemake --cores 4 all{selection.snakemake}"


def _verification_error(problems: list[Problem], selection: Selection) -> UserError:
    """The first problems, one line each, and how to solve all of them at once."""
    lines = [problem.message for problem in problems[:MOST_PROBLEMS]]
    if len(problems) > MOST_PROBLEMS:
        lines.append(f"and {len(problems) - MOST_PROBLEMS} more")
    if len(problems) > 1:
        lines.append(
            f"all at once: {_run_all(selection)}, or: python -m taet verify "
            f"{shlex.join(selection.options)} --remake"
        )
    return UserError("\n".join(lines))


def _print_verified(study: Study, stages: list[str]) -> None:
    """Print how many artifacts exist, which are all right, and how many of them have no record."""
    name = study.params.study
    jobs = [job for stage in stages for job in study.jobs(stage)]
    count = sum(job.output.exists() for job in jobs)
    if jobs and not count:
        raise UserError(
            f"study {name!r} has none of its {len(jobs)} artifacts here, so nothing was verified; make them "
            f"with: {_run_all(study.selection)}"
        )
    match = "matches" if count == 1 else "match"
    print(f"{counted(count, 'artifact')} of study {name} {match} params.yaml and the code")
    if unrecorded := without_record(study, stages):
        print(f"{len(unrecorded)} of them have no record of their making: {unrecorded[0]}, ...")

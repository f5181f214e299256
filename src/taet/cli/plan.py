"""The command ``plan``: for each stage one hash over its jobs, by which DVC knows what to run again."""

import argparse
import json
from pathlib import Path

from taet.cli.commands import Commands, study_of
from taet.errors import UserError
from taet.study.plan.study import Study
from taet.study.store.artifacts import read_bytes, write_json


def add(commands: Commands) -> None:
    commands.add(
        "plan",
        "write results/STUDY/plan.json: for each stage a hash over the keys of its jobs, by which DVC knows "
        "what to run again",
        plan,
        named=True,
    )


def plan(options: argparse.Namespace) -> None:
    study = study_of(options)
    write_json(_plan_file(study), study.stage_keys)
    print(f"wrote {_plan_file(study)}")


def _plan_file(study: Study) -> Path:
    return Path("results", study.params.study, "plan.json")


def check_plan(study: Study, stages: list[str]) -> None:
    """Raises UserError where stages have other keys than the plan file says."""
    file, now = _plan_file(study), study.stage_keys
    if not file.exists():
        raise UserError(
            f"{file}: not written yet; run: python -m taet plan --study {study.params.study}"
        )
    try:
        planned = dict(json.loads(read_bytes(file)))
    except (TypeError, ValueError):
        planned = {}
    if changed := [stage for stage in stages if planned.get(stage) != now[stage]]:
        raise UserError(
            f"{file}: parameters or code of {changed[0]} have changed since it was written; run: dvc repro"
        )

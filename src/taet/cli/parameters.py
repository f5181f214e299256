"""The command ``params``: what a study consists of, and where each value comes from."""

import argparse
import json

from taet.cli.commands import Commands, selection_of
from taet.messages import say
from taet.study.params.load import read_selected
from taet.study.params.overlay import of_study
from taet.study.params.resolved import listed
from taet.study.plan.study import Study, load_study


def add(commands: Commands) -> None:
    show = commands.add(
        "params",
        "print the parameters that a study uses, and where each value comes from",
        print_parameters,
        changes=True,
        named=True,
    )
    show.add_argument("--all", action="store_true", help="also blocks that the study does not use")
    show.add_argument(
        "--schema", action="store_true", help="print the JSON schema of params.yaml instead"
    )


def print_parameters(options: argparse.Namespace) -> None:
    if options.schema:
        from taet.study.params.schema import json_schema

        print(json.dumps(json_schema(), indent=1))
        return
    selection = selection_of(options)
    study = load_study(options.params, selection)
    rows = listed(of_study(read_selected(options.params, selection)))
    if not options.all:
        everything, unused = len(rows), _unused(study)
        rows = [row for row in rows if tuple(row[0].split(".", 2)[:2]) not in unused]
        say(
            f"taet params: {everything - len(rows)} more, of blocks that this study does not use, with --all"
        )
    width = max(len(name) for name, _, _ in rows)
    for name, value, origin in rows:
        print(f"{name:{width}}  {json.dumps(value):24}  {origin}")


def _unused(study: Study) -> set[tuple[str, str]]:
    """Section and name of each block that no cell of the study reads."""
    params, grid = study.params, study.params.grid
    stabilizing = [params.stabilizations[name].method for name in study.stabilizations]
    used = {
        "datasets": grid.datasets,
        "architectures": grid.architectures,
        "stabilizations": study.stabilizations,
        "methods": [*grid.methods, *stabilizing],
        "attacks": grid.attacks,
    }
    return {
        (section, name)
        for section, names in used.items()
        for name in getattr(params, section)
        if name not in names
    }

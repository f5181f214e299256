"""The command ``run``: a whole study by Snakemake."""

import argparse
import os
import shlex
import sys
from pathlib import Path

from taet.cli.commands import Commands, selection_of
from taet.errors import UserError
from taet.messages import say
from taet.study.params.load import PARAMS_FILE, load_params


def add(commands: Commands) -> None:
    whole = commands.add(
        "run",
        "run a whole study by Snakemake, from data to figures, into results/STUDY",
        run,
        file=False,
        changes=True,
        named=True,
    )
    whole.add_argument("-n", "--dry-run", action="store_true", help="only say what would run")
    whole.add_argument(
        "--cores", default="all", metavar="N", help="jobs at a time (default: all cores)"
    )


def run(options: argparse.Namespace) -> None:
    selection = selection_of(options)
    load_params(PARAMS_FILE, selection)  # errors in fewer lines than Snakemake's
    if not Path("Snakefile").is_file():
        raise UserError("Snakefile: no such file; run in the project's folder")
    words = ["--cores", options.cores, *["-n"] * options.dry_run, "all"]
    words += ["--config", *selection.config] if selection.config else []
    say(f"taet run: {shlex.join(['snakemake', *words])}")
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "snakemake", *words])

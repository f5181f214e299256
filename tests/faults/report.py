"""Everything that was tried against the workflow, and what came of it, as tables in git.

    python -m tests.faults.report --kills 100

Writes kills.csv, damage.csv, surroundings.csv, inputs.csv and about.md to results/reference/faults.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from taet.study.store.artifacts import write_bytes
from taet.study.store.records import processor
from tests.conftest import Tree, copy_project
from tests.faults import command_lines, damage, hostile, kills, parameters, refusals, surroundings
from tests.faults.outcomes import rows, shown

FOLDER = Path("results/reference/faults")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.report", description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        finished = kills.tiny_tree(folder / "undisturbed")
        finished.ok(*kills.COMMAND)
        damages = shown(damage.damage_everything(finished, folder))
        disturbed = shown(surroundings.disturb_everything(finished, folder))
        expected = kills.results(finished)
        killed = shown(kills.kill_at_random(folder, expected, options.kills, options.seed))
        said = list(bad_inputs(finished, folder))
    tables = {
        "kills": pd.DataFrame(rows(killed)),
        "damage": pd.DataFrame(rows(damages)),
        "surroundings": pd.DataFrame(rows(disturbed)),
        "inputs": pd.DataFrame(refusals.rows(said)),
    }
    for name, table in tables.items():
        write_bytes(FOLDER / f"{name}.csv", table.to_csv(index=False, lineterminator="\n").encode())
    write_bytes(FOLDER / "about.md", about(tables, options.seed).encode())
    print(about(tables, options.seed))
    return int(not all(table["harmless"].all() for table in tables.values()))


def bad_inputs(finished: Tree, folder: Path) -> Iterator[refusals.Refusal]:
    """Parameter files, command lines and files that must be refused."""
    alone = folder / "parameters"
    alone.mkdir()
    for kind in parameters.KINDS:
        yield from (parameters.refused(mistake, alone) for mistake in parameters.mistakes(kind))
    empty = copy_project(folder / "empty")
    empty.ok("taet", "download", "--dataset", "digits")
    yield from command_lines.refusals(empty.path)
    tree = folder / "hostile" / "tree"
    shutil.copytree(finished.path, tree, symlinks=True)
    yield from hostile.refusals(tree)
    if marks := hostile.marks(tree):
        raise SystemExit(f"a hostile file has done harm: {marks}")


def about(tables: dict[str, pd.DataFrame], seed: int) -> str:
    """The tables in a few lines."""
    killed, damaged, inputs = tables["kills"], tables["damage"], tables["inputs"]
    lost = int((killed["half_written"] + killed["made_again"] > 0).sum())
    wrong = int((killed["different"] > 0).sum())
    unseen = int((~damaged["named"] | (damaged["refused"] == False)).sum())  # noqa: E712
    not_mended = int((~damaged["restored"]).sum())
    around = [
        f"| {kind} | {len(rows)} | {int((~rows['caught']).sum())} | {int((rows['lost'] != '').sum())} | "
        f"{int((rows['unseen'] != '').sum())} |"
        for kind, rows in tables["surroundings"].groupby("kind", sort=False)
    ]
    kinds = [
        f"| {kind} | {len(rows)} | {int((~rows['harmless']).sum())} | | {int((rows['status'] == 0).sum())} |"
        for kind, rows in inputs.groupby("kind", sort=False)
    ]
    return "\n".join(
        [
            "# Faults",
            "",
            "Written by `python -m tests.faults.report`; what the columns mean is in `tests/faults`. A kill",
            "that is not caught: the program did not end by itself.",
            "",
            f"- {time.strftime('%Y-%m-%d', time.gmtime())}, {processor()}, seed {seed}",
            "",
            "| what | tried | not caught | lost work | silently wrong |",
            "| --- | ---: | ---: | ---: | ---: |",
            f"| a running study killed | {len(killed)} | {int(killed['hung'].sum())} | {lost} | {wrong} |",
            f"| a file damaged | {len(damaged)} | {unseen} | {not_mended} | {unseen} |",
            *around,
            *kinds,
            "",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())

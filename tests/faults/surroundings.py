"""Disturb what surrounds finished results: no work may be done again, and no change may go unseen.

    python -m tests.faults.surroundings

Ways: times of files, Snakemake's records, settings and variables of a user. After each, Snakemake must plan
nothing; after a change of one method's parameter, exactly what that touches; and ``taet verify`` must say so.
"""

import os
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import Tree
from tests.faults.outcomes import try_all

ALPHA = ("alpha: 0.1, beta: 0.1, gamma: 0.1", "alpha: 0.2, beta: 0.1, gamma: 0.1")
TOUCHED = {"equalize_cell", "attack_cell", "score", "inspect", "tables", "figures", "report", "all"}
Variables = dict[str, str]


@dataclass
class Disturbance:
    """Something around the results that was changed, and what came of it.

    Attributes:
        kind, way: what was changed, and how.
        caught: every command ended as it should, without a traceback.
        lost: rules that would run again without need.
        unseen: rules that a change of a parameter touches and that would not run.
    """

    kind: str
    way: str
    caught: bool
    lost: str
    unseen: str

    @property
    def harmless(self) -> bool:
        return self.caught and not self.lost and not self.unseen


def _times(change: Callable[[int, float], float]) -> Callable[[Tree], Variables]:
    def disturb(tree: Tree) -> Variables:
        files = sorted(f for name in ("data", "results") for f in (tree.path / name).rglob("*"))
        for i, file in enumerate(files):
            time = change(i, file.stat().st_mtime)
            os.utime(file, (time, time))
        return {}

    return disturb


def _records(content: bytes | None, folder: str = "metadata") -> Callable[[Tree], Variables]:
    def disturb(tree: Tree) -> Variables:
        for record in (tree.path / ".snakemake" / folder).rglob("*"):
            if record.is_file():
                record.unlink() if content is None else record.write_bytes(content)
        return {}

    return disturb


def _no_snakemake_folder(tree: Tree) -> Variables:
    shutil.rmtree(tree.path / ".snakemake")
    return {}


def _profile(text: str) -> Callable[[Tree], Variables]:
    def disturb(tree: Tree) -> Variables:
        folder = tree.path.parent / "profile of a user"
        folder.mkdir(exist_ok=True)
        (folder / "config.yaml").write_text(text)
        return {"SNAKEMAKE_PROFILE": str(folder)}

    return disturb


def _variable(name: str, value: str) -> Callable[[Tree], Variables]:
    return lambda tree: {name: value}


_shuffled = random.Random(0)
WAYS: dict[str, dict[str, Callable[[Tree], Variables]]] = {
    "times of files": {
        "all the same, as in an archive": _times(lambda i, time: 1e9),
        "in another order": _times(lambda i, time: 1e9 + _shuffled.randrange(10**6)),
        "in the future": _times(lambda i, time: 4e9 - i),
        "a copy of today": _times(lambda i, time: time + 1e5 + i),
    },
    "records of Snakemake": {
        "lost": _no_snakemake_folder,
        "deleted": _records(None),
        "empty": _records(b""),
        "cut": _records(b'{"rule": "score", "inp'),
        "binary": _records(b"\x00\xff\xfe"),
        "a list": _records(b"[]"),
        "a number for parameters": _records(b'{"params": 5}'),
    },
    "settings of a user": {
        "triggers: times": _profile("rerun-triggers: [mtime]\n"),
        "triggers: code and parameters": _profile("rerun-triggers: [params, code, input]\n"),
        "unfinished files are believed": _profile("rerun-incomplete: false\n"),
        "TAET_STUDY names another study": _variable("TAET_STUDY", "digits_cut"),
        "RANK of some other program": _variable("RANK", "1"),
        "WORLD_SIZE is no number": _variable("WORLD_SIZE", "abc"),
        "another locale": _variable("LC_ALL", "C"),
        "another time zone": _variable("TZ", "Asia/Tokyo"),
        "another order of sets": _variable("PYTHONHASHSEED", "7"),
    },
}


def disturb_everything(finished: Tree, folder: Path) -> Iterator[Disturbance]:
    """Every way, each in a fresh copy of a tree in which the study ``tiny`` is finished."""
    for kind, ways in WAYS.items():
        for way, disturb in ways.items():
            tree = Tree(folder / "disturbed")
            shutil.copytree(finished.path, tree.path, symlinks=True)
            yield _outcome(tree, kind, way, disturb(tree))
            shutil.rmtree(tree.path)


def _outcome(tree: Tree, kind: str, way: str, variables: Variables) -> Disturbance:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        idle, lost = _planned(tree)
        content = tree.run("taet", "verify")
        tree.edit("params.yaml", *ALPHA)
        changed, found = _planned(tree)
        refused = tree.run("taet", "verify")
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
    caught = idle and changed and (content.returncode, refused.returncode) == (0, 1)
    return Disturbance(kind, way, caught, " ".join(sorted(lost)), " ".join(sorted(TOUCHED - found)))


def _planned(tree: Tree) -> tuple[bool, set[str]]:
    """Whether a dry run of Snakemake ends well, and the rules that it would run."""
    from tests.workflow.test_plan import job_counts

    done = tree.run("snakemake", "-n")
    said = done.stdout + done.stderr
    if done.returncode or "Traceback" in said:
        return False, set()
    return True, set() if "Nothing to be done" in said else {*job_counts(said)} - {"total"}


if __name__ == "__main__":
    try_all(disturb_everything, "{all} disturbances, {bad} of them with consequences")

"""A training shared out to two processes, from the command line and by Snakemake."""

import json
from pathlib import Path

import pytest

from tests.conftest import Tree, choose_tiny, copy_project
from tests.workflow.test_run import CELL, EQUALIZE, MODEL, STABILIZED

pytestmark = pytest.mark.study
ALONE = ("processes: 1", "processes: 2")
TORCHRUN = ("torchrun", "--standalone", "--nproc-per-node", "2", "-m", "taet")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """The tiny study, stage 1 of which two processes have trained."""
    tree = copy_project(tmp_path_factory.mktemp("shared") / "tree")
    choose_tiny(tree)
    tree.edit("params.yaml", *ALONE)
    tree.ok("snakemake", "--cores", "2", "stabilize")
    return tree


def record(tree: Tree, output: str) -> dict[str, object]:
    return json.loads((tree.path / output).with_suffix(".record.json").read_text())


def test_snakemake_starts_both(shared: Tree) -> None:
    assert record(shared, STABILIZED)["processes"] == 2
    assert "torchrun --standalone --nproc-per-node 2 -m taet" in shared.ok(
        "snakemake", "-n", "-p", "equalize"
    )


def test_twice_the_same_bytes_with_one_writer(shared: Tree) -> None:
    made = []
    for _ in range(2):
        said = shared.ok(*TORCHRUN, *EQUALIZE, "--study", "tiny")
        assert said.count("4/4 epochs") == 1, "the second process is silent"
        made.append((shared.path / MODEL).read_bytes())
        (shared.path / MODEL).unlink()
    assert made[0] == made[1]


@pytest.mark.parametrize(
    ("start", "changes", "message"),
    [
        (["taet"], {}, "started as 1 process, compute.processes says 2; start it with: torchrun"),
        (TORCHRUN, {"processes: 2": "processes: 1"}, "started as 2 processes, compute.processes says 1"),
    ],
)  # fmt: skip
def test_what_cannot_be_shared_is_refused(
    shared: Tree, tmp_path: Path, start: list[str], changes: dict[str, str], message: str
) -> None:
    tree = copy_project(tmp_path / "tree")
    choose_tiny(tree)
    tree.edit("params.yaml", *ALONE)
    for old, new in changes.items():
        tree.edit("params.yaml", old, new)
    tree.ok("snakemake", "--cores", "1", "subsample")
    command = ["equalize", *CELL, "--method", "pgd_at", "--study", "tiny"]
    done = tree.run(*start, *command)
    assert done.returncode != 0
    assert message in done.stderr
    assert not list((tree.path / "results").rglob("seed0.safetensors"))

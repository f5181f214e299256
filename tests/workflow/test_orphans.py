"""Jobs that a killed Snakemake has left in the queue, with stand-ins for the programs of SLURM.

With the real ones: tests/cluster.
"""

from pathlib import Path

import pytest

from tests.conftest import Tree

RUN = "2c9cb14e-5d36-4b33-ae1a-de668679dcdf"


@pytest.fixture
def cancelled(tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What ``scancel`` is told, where four jobs wait: two of this folder's studies, and two of others."""
    programs, said = tmp_path / "bin", tmp_path / "said"
    programs.mkdir()
    rows = [
        f"4\t{RUN}\t{tree.path}",
        f"5\tmine_{RUN}\t{tree.path}",
        f"6\t{RUN}\t{tmp_path}",
        f"7\ta notebook\t{tree.path}",
    ]
    (tmp_path / "rows").write_text("\n".join(rows) + "\n")
    for name, does in (("squeue", f"cat '{tmp_path}/rows'"), ("scancel", f"echo $* >> '{said}'")):
        (programs / name).write_text(f"#!/bin/sh\n{does}\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    return said


@pytest.mark.study
def test_those_that_wait_here_are_cancelled(tree: Tree, cancelled: Path) -> None:
    said = tree.ok("snakemake", "--cores", "1", "subsample")
    assert "cancelled 2 waiting jobs" in said
    assert cancelled.read_text() == "--state=PENDING 4 5\n"


@pytest.mark.study
@pytest.mark.parametrize("option", ["-n", "--summary", "--list", "--lint", "--unlock"])
def test_what_only_looks_cancels_nothing(option: str, tree: Tree, cancelled: Path) -> None:
    tree.ok("snakemake", "subsample", option)
    assert not cancelled.exists()


@pytest.mark.study
def test_a_slurm_that_does_not_answer_is_said(tree: Tree, cancelled: Path) -> None:
    squeue = cancelled.parent / "bin" / "squeue"
    squeue.write_text("#!/bin/sh\necho 'slurm_load_jobs error: timed out' >&2\nexit 1\n")
    said = tree.ok("snakemake", "--cores", "1", "subsample")
    assert "cannot ask SLURM for waiting jobs" in said
    assert "timed out" in said
    assert not cancelled.exists()

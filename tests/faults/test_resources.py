"""Where the machine does not give what is asked for: disk, memory, rights, names of folders, time."""

import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.conftest import Tree, choose_tiny, copy_project
from tests.workflow.test_run import EQUALIZE, IMAGES, METRICS, MODEL, planned, results

pytestmark = pytest.mark.faults

DISK = "size=300k"  # the tree's results need some MiB


def mount(*options: str) -> bool:
    return subprocess.run(["mount", *options], capture_output=True).returncode == 0


@pytest.fixture
def small_disk(tree: Tree) -> Iterator[Path]:
    """The tree's results on a disk that is too small for them."""
    folder = tree.path / "results"
    folder.mkdir()
    if not mount("-t", "tmpfs", "-o", DISK, "tmpfs", str(folder)):
        pytest.skip("no right to mount a small disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk(tree: Tree, finished: Tree, small_disk: Path) -> None:
    failed = tree.run("snakemake", "--cores", "2", "all")
    assert failed.returncode != 0
    assert "free space" in failed.stdout + failed.stderr
    assert not list(small_disk.rglob("*.part"))
    full = shutil.disk_usage(small_disk)
    assert full.free < full.total / 2, "the disk did fill up"
    tree.ok("taet", "verify")
    assert mount("-o", "remount,size=100m", str(small_disk))
    tree.ok("snakemake", "--cores", "2", "all")
    assert results(tree) == results(finished)


def test_a_disk_that_cannot_be_written(finished_copy: Tree) -> None:
    before = results(finished_copy)
    folder = (finished_copy.path / MODEL).parent
    if not (
        mount("--bind", str(folder), str(folder)) and mount("-o", "remount,ro,bind", str(folder))
    ):
        pytest.skip("no right to make a folder read-only")
    try:
        refused = finished_copy.run("taet", *EQUALIZE)
        assert results(finished_copy) == before
    finally:
        subprocess.run(["umount", str(folder)], check=True)
    assert refused.returncode == 1
    assert refused.stderr == (
        f"taet equalize: {Path(MODEL).parent}: Read-only file system; check the folder's owner, rights and "
        "free space\n"
    )


def test_too_little_memory_to_train(tree: Tree) -> None:
    tree.edit("params.yaml", "normalization: none, width: 16}", "normalization: none, width: 8000}")
    tree.ok("snakemake", "--cores", "2", "subsample")
    limit = (4 << 30, resource.RLIM_INFINITY)
    done = subprocess.run(
        [sys.executable, "-m", "taet", *EQUALIZE[:-1], "pgd_at"],
        cwd=tree.path,
        env=tree.environment(),
        capture_output=True,
        text=True,
        preexec_fn=partial(resource.setrlimit, resource.RLIMIT_AS, limit),
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1, done.stderr
    assert "not enough memory" in done.stderr
    assert "lower training.batch_size, evaluation.batch_size or the width" in done.stderr


def test_a_folder_with_letters_of_other_languages(finished: Tree, tmp_path: Path) -> None:
    tree = copy_project(tmp_path / "größe 試験 и 'имя'")
    choose_tiny(tree)
    tree.ok("snakemake", "--cores", "2", "all")
    tree.ok("taet", "verify")
    assert results(tree) == results(finished)


def test_another_working_directory(finished_copy: Tree, tmp_path: Path) -> None:
    elsewhere = Tree(tmp_path / "elsewhere")
    elsewhere.path.mkdir()
    snakefile = ("snakemake", "--snakefile", str(finished_copy.path / "Snakefile"))
    refused = elsewhere.run(*snakefile, "-n")
    assert refused.returncode != 0
    assert (
        "params.yaml: no such file; run in the project's folder" in refused.stdout + refused.stderr
    )
    said = elsewhere.ok(*snakefile, "--directory", str(finished_copy.path), "-n")
    assert "Nothing to be done" in said


def test_a_clock_that_jumped(finished_copy: Tree, finished: Tree) -> None:
    """Files from the future, and inputs that seem newer than what was made from them."""
    for name, days in ((IMAGES, 300), (MODEL, -3000), (METRICS, 30)):
        moment = time.time() + days * 86400
        os.utime(finished_copy.path / name, (moment, moment))
    assert planned(finished_copy) == {}
    (finished_copy.path / MODEL).unlink()
    finished_copy.ok("snakemake", "--cores", "2", "all")
    assert planned(finished_copy) == {}
    assert results(finished_copy) == results(finished)

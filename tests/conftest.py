"""Shared fixtures: the real parameters, a tiny study, and copies of the project to run in."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import settings

from taet.report.page import write
from taet.study.params import blocks
from taet.study.params.load import load_params
from taet.study.plan.stages import STAGES
from taet.study.plan.study import Study
from taet.study.run import runner

# As every job does; several threads on a busy machine wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).parents[1]
settings.register_profile("patient", deadline=None)  # the first call loads libraries
settings.load_profile("patient")

TINY = """
  tiny: # every stage of the digits study, in seconds
    extends: digits
    grid: {imbalance_ratios: [10], methods: [pgd_at, taet_bcl, taet], seeds: [0]}
    training: {epochs: 4, batch_size: 16, attack: {steps: 2}}
    stabilizations: {clean40: {epochs: 1}}
    attacks: {pgd20: {steps: 2}, pgd100: {steps: 3}, cw20: {steps: 2}}
"""


def with_digits_alone(text: str) -> str:
    """params.yaml without its other studies, which are checked whenever the file is read."""
    common, studies = text.split("\nstudies:\n")
    _, digits, *_ = re.split(r"(?m)^(?=  \w+:)", studies)
    assert digits.startswith("  digits:")
    return f"{common}\nstudies:\n{digits}"


def with_study(text: str, name: str, block: str) -> str:
    """params.yaml with one study more, and that study chosen."""
    return text.replace("study: digits #", f"study: {name} #", 1) + block


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest module first, so that no worker waits for it at the end."""
    items.sort(key=lambda item: item.path.name != "test_promises.py")


def tiny_text() -> str:
    """params.yaml with two studies, ``digits`` and ``tiny``; the latter is chosen."""
    return with_study(with_digits_alone((ROOT / "params.yaml").read_text()), "tiny", TINY)


@pytest.fixture(scope="session")
def digits() -> blocks.Params:
    return load_params(ROOT / "params.yaml")


@pytest.fixture
def tiny_params(tmp_path: Path) -> Path:
    """A parameter file that chooses the study ``tiny``."""
    file = tmp_path / "params.yaml"
    file.write_text(tiny_text())
    return file


@dataclass(frozen=True)
class Tree:
    """A copy of the project in a folder of its own."""

    path: Path

    def run(self, *command: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        """Run Snakemake, DVC, git or a stage in the tree; does not raise on failure."""
        programs = {
            "snakemake": [sys.executable, "-m", "snakemake"],
            "taet": [sys.executable, "-m", "taet"],
            "dvc": [sys.executable, "-m", "dvc"],
        }
        start = programs.get(command[0], [command[0]])
        return subprocess.run(
            [*start, *command[1:]],
            cwd=self.path,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    def environment(self) -> dict[str, str]:
        binaries = str(Path(sys.executable).parent)
        return {
            **os.environ,
            "PYTHONPATH": str(self.path / "src"),
            "PATH": os.pathsep.join([binaries, os.environ["PATH"]]),
        }

    def ok(self, *command: str, timeout: float = 300) -> str:
        """Run a command that must succeed; what it printed."""
        done = self.run(*command, timeout=timeout)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace a text that must be there."""
        path = self.path / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    def contents(self, *folders: str) -> dict[str, bytes]:
        """Bytes of all files under some folders, without records and empty files of locks."""
        return {
            str(file.relative_to(self.path)): file.read_bytes()
            for folder in folders
            for file in sorted((self.path / folder).rglob("*"))
            if file.is_file() and not file.name.endswith((".record.json", ".lock"))
        }


def copy_project(target: Path) -> Tree:
    """The project's files, without results, in a new folder."""
    target.mkdir(parents=True, exist_ok=True)
    for name in ("src", "workflow", "profiles", "data/reference"):
        shutil.copytree(
            ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
        )
    for name in (
        "Snakefile",
        "params.yaml",
        "dvc.yaml",
        ".dvcignore",
        ".gitignore",
        "environment.yml",
    ):
        shutil.copy(ROOT / name, target / name)
    return Tree(target)


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """A copy of the project whose params.yaml chooses the study ``tiny``."""
    copy = copy_project(tmp_path / "a tree")  # with a space: paths must survive it
    choose_tiny(copy)
    return copy


def choose_tiny(tree: Tree) -> None:
    file = tree.path / "params.yaml"
    file.write_text(with_study(file.read_text(), "tiny", TINY))


def make_everything(tree: Tree) -> None:
    """Do every job of the tree's study and write its report, in this process."""
    with contextlib.chdir(tree.path):
        study = Study(load_params())
        for stage in STAGES:
            for job in study.jobs(stage):
                runner.run_job(job)
        write(study, Path("params.yaml"))


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """A copy of the project in which the study ``tiny`` is finished; not to be changed.

    The processes of pytest-xdist share it: the first that needs it makes it.
    """
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    done = folder / "finished.done"
    with FileLock(folder / "finished.lock"):
        if done.exists():
            return Tree(folder / "finished" / "tree")
        tree = copy_project(folder / "finished" / "tree")
        choose_tiny(tree)
        make_everything(tree)
        done.touch()
    return tree


@pytest.fixture
def finished_copy(finished: Tree, tmp_path: Path) -> Tree:
    """A copy of ``finished``, times included, to be changed at will."""
    shutil.copytree(finished.path, tmp_path / "tree", symlinks=True)
    return Tree(tmp_path / "tree")


def version(tree: Tree) -> None:
    """Make a repository of a tree, with this project's settings of DVC."""
    tree.ok("git", "init", "-q", "-b", "main")
    for setting in ("user.name=t", "user.email=t@example.org", "commit.gpgsign=false"):
        tree.ok("git", "config", *setting.split("="))
    shutil.copytree(
        ROOT / ".dvc",
        tree.path / ".dvc",
        ignore=shutil.ignore_patterns("cache", "tmp", "config.local"),
    )


@pytest.fixture(scope="session")
def versioned(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """A repository in which ``dvc repro`` has run once and everything is committed and pushed."""
    base = tmp_path_factory.mktemp("dvc")
    tree = copy_project(base / "tree")
    choose_tiny(tree)
    tree.edit("params.yaml", "methods: [pgd_at, taet_bcl, taet]", "methods: [at_bsl, taet]")
    version(tree)
    tree.ok("dvc", "remote", "add", "-d", "local", str(base / "remote"))
    tree.ok("dvc", "repro", "-q")
    tree.ok("git", "add", "-A")
    tree.ok("git", "commit", "-qm", "first")
    tree.ok("dvc", "push", "-q")
    return tree


@pytest.fixture
def repository(versioned: Tree, tmp_path: Path) -> Tree:
    """A copy of ``versioned``, times included, to be changed at will."""
    shutil.copytree(versioned.path, tmp_path / "tree", symlinks=True)
    return Tree(tmp_path / "tree")

"""Whose commit a record names: this project's, or none."""

import shutil
import subprocess
from pathlib import Path

import pytest

from taet.study.store.revision import revision
from tests.conftest import ROOT

HERE = "__init__.py"


def project(root: Path) -> Path:
    """What the test needs of the project, unpacked."""
    sources = root / "src/taet"
    sources.mkdir(parents=True)
    (root / "pyproject.toml").write_text('[project]\nname = "taet"\n')
    (root / ".gitignore").write_text("*.pyc\nmine.py\n")
    (sources / HERE).write_text("x = 1\n")
    return root


def git(root: Path, *words: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    run = subprocess.run(
        ["git", *who, *words], cwd=root, capture_output=True, text=True, check=True
    )
    return run.stdout.strip()


def test_this_checkout() -> None:
    """Of an unpacked archive none; else the commit that git names, dirty or not."""
    if (ROOT / ".git").exists():
        assert str(revision()).removesuffix("-dirty") == git(ROOT, "rev-parse", "HEAD")
    else:
        assert revision() is None


def commit(root: Path, *what: str) -> str:
    """Make a repository of a folder, with some files in it; its commit."""
    git(root, "init", "-q")
    git(root, "add", *(what or ["-A"]))
    git(root, "commit", "-qm", "first", "--allow-empty")
    return git(root, "rev-parse", "HEAD")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    root = project(tmp_path / "own")
    commit(root)
    return root


def test_own_repository(own: Path) -> None:
    assert revision(own) == git(own, "rev-parse", "HEAD")


@pytest.mark.parametrize("tracked", [[".gitignore"], ["-A"]])
def test_inside_the_repository_of_somebody_else(tracked: list[str], tmp_path: Path) -> None:
    """An archive unpacked there, even one that they keep in it."""
    (tmp_path / ".gitignore").write_text("")
    unpacked = project(tmp_path / "theirs")
    commit(tmp_path, *tracked)
    assert revision(unpacked) is None


def test_unpacked_over_the_repository_of_somebody_else(tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text("")
    commit(tmp_path)
    assert revision(project(tmp_path)) is None, "not tracked"


def test_copied_into_another_project(own: Path) -> None:
    (own / "pyproject.toml").write_text('[project]\nname = "theirs"\n')
    git(own, "commit", "-qam", "theirs")
    assert revision(own) is None


def test_environment_inside_a_repository(tmp_path: Path) -> None:
    packages = tmp_path / "venv/lib/python3.11/site-packages/taet"
    packages.mkdir(parents=True)
    (packages / HERE).write_text("")
    commit(tmp_path)
    assert revision(packages.parents[1]) is None


def test_repositories_named_in_the_environment(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a hook of git's."""
    expected, other = revision(own), project(tmp_path / "other")
    commit(other)
    bare = project(tmp_path / "bare")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / ".git/index"))
    assert revision(own) == expected
    assert revision(bare) is None


def test_worktree_submodule_and_shallow_clone(own: Path, tmp_path: Path) -> None:
    expected = revision(own)
    git(own, "worktree", "add", "-q", str(tmp_path / "tree"))
    git(tmp_path, "clone", "-q", "--depth=1", own.as_uri(), "shallow")
    outer = tmp_path / "outer"
    outer.mkdir()
    commit(outer)
    git(outer, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(own), "inner")
    for root in (tmp_path / "tree", tmp_path / "shallow", outer / "inner"):
        assert revision(root) == expected


@pytest.mark.parametrize("name", [HERE, "more.py", "mine.py", "methods/mine.py"])
def test_code_of_no_commit_is_named(name: str, own: Path) -> None:
    """A changed file, and new ones, which git's own --dirty leaves out, the more so where it ignores them."""
    clean = revision(own)
    file = own / "src/taet" / name
    file.parent.mkdir(exist_ok=True)
    file.write_text("x = 2\n")
    assert revision(own) == f"{clean}-dirty"


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
def test_code_that_git_was_told_not_to_look_at(flag: str, own: Path) -> None:
    clean = revision(own)
    git(own, "update-index", flag, f"src/taet/{HERE}")
    assert revision(own) == f"{clean}-dirty"


def test_what_runs_leaves_behind_is_no_change(own: Path) -> None:
    clean = revision(own)
    (own / "results").mkdir()
    (own / "src/taet/x.pyc").write_text("")
    assert revision(own) == clean


def test_no_git_no_commit_and_a_refusal(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = project(tmp_path / "empty")
    git(empty, "init", "-q")
    assert revision(empty) is None
    with monkeypatch.context() as patch:
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        patch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "broken"))
        (tmp_path / "broken").write_text("[no end")
        assert revision(own) is None
    monkeypatch.setenv("PATH", "")
    assert shutil.which("git") is None
    assert revision(own) is None


def test_pages_and_results_are_no_code(own: Path) -> None:
    clean = revision(own)
    (own / ".gitignore").write_text("*.pyc\n")
    assert git(own, "status", "--porcelain")
    assert revision(own) == clean

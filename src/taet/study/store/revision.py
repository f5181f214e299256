"""Git revision of this code, if the repository is this project's own.

Git answers for whatever repository encloses a folder. An archive or an environment inside another repository
would get a commit without a line of this code.
"""

import os
import subprocess
import tomllib
from pathlib import Path

from taet.source_code import PACKAGE

ROOT = PACKAGE.parents[1]
SOURCES = "src/taet"


def revision(root: Path = ROOT) -> str | None:
    """The commit that is checked out, with ``-dirty`` where code in src/taet that is in no commit may run.

    Args:
        root: folder that holds pyproject.toml and src/taet.

    Returns:
        None where the project lies in no repository of its own, or git is missing or refuses.
    """
    try:
        prefix, commit = _git(root, "rev-parse", "--show-prefix", "HEAD").split("\n")[:2]
        if prefix or not _is_this_project(root):
            return None
        changed = _git(root, "status", "--porcelain", "--untracked-files=no", "--", SOURCES)
        # Ignored files too: every file in a folder of plugins is a plugin.
        untracked = _git(root, "ls-files", "--others", "--", f"{SOURCES}/*.py")
        # Files that git was told to ignore changes of have a tag in lower case, or S.
        listed = _git(root, "ls-files", "-v", "--", SOURCES).splitlines()
        if not any(line.endswith(f" {SOURCES}/__init__.py") for line in listed):
            return None
        unwatched = any(line[0].islower() or line[0] == "S" for line in listed)
    except (OSError, subprocess.SubprocessError):
        return None
    return f"{commit}-dirty" if changed or untracked or unwatched else commit


def _is_this_project(root: Path) -> bool:
    try:
        project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
        return bool(project["project"]["name"] == "taet")
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _git(root: Path, *words: str) -> str:
    """Output of git in this folder, whatever repository the environment names (hooks set GIT_DIR)."""
    # Jobs run side by side: none may wait for another's lock on git's index.
    command = ["git", "--no-optional-locks", "-c", "core.fsmonitor=false", *words]
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") or name.startswith("GIT_CONFIG")
    }
    run = subprocess.run(
        command,
        cwd=root,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=10,
        check=True,
    )
    return run.stdout

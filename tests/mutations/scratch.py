"""A copy of the project to make changes in."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.mutations.changes import ROOT, Change

CONTROL = "\n_CONTROL = 0\n"


class Scratch:
    """The files that git knows, or would, in another folder.

    Every module of the package ends with a line more, which changes its digest and no number: a test that
    fails for that alone would catch anything, and is left out.
    """

    def __init__(self, folder: Path) -> None:
        self.path, self.temporary = folder / "tree", folder / "temporary"
        command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
        for name in listed.stdout.splitlines():
            if (ROOT / name).is_file():
                (self.path / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / name, self.path / name)
        for module in (self.path / "src").rglob("*.py"):
            module.write_text(module.read_text() + CONTROL)

    @contextmanager
    def changed(self, change: Change) -> Iterator[None]:
        """Inside the block, the change is made."""
        file = self.path / change.file
        text = file.read_text()
        try:
            file.write_text(change.of(text))
            yield
        finally:
            file.write_text(text)

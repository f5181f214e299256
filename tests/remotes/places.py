"""What a test needs to know of a place that results are pushed to."""

import shutil
from pathlib import Path
from typing import ClassVar, Protocol


class Place(Protocol):
    """A place for DVC's objects, up and empty at first; each test has a folder of its own in it.

    Attributes:
        title: of its section in docs/share_results.md.
        example: its URL there.
        words: the other examples there, and what to type for them in a test.
        unseen: a push does not notice that it is down.
    """

    title: ClassVar[str]
    example: ClassVar[str]
    unseen: ClassVar[bool]
    words: dict[str, str]

    def __init__(self, base: Path) -> None:
        """Bring it up, with all that it needs in a new folder ``base``."""

    @staticmethod
    def needs() -> dict[str, bool]:
        """What to type for each thing that must be installed, and whether it is."""

    def url(self, folder: str) -> str:
        """What DVC calls a folder of the place."""

    def objects(self, folder: str) -> set[str]:
        """Names, below the folder, of what lies there; of use while the place is up."""

    def replace(self, folder: str, name: str, data: bytes) -> None:
        """Put other bytes in the place of an object."""

    def remove(self, folder: str, name: str) -> None:
        """Delete an object."""

    def down(self) -> None:
        """Let nobody reach it any more; its objects stay."""

    def up(self) -> None:
        """Let it be reached again."""


def files_under(folder: Path) -> set[str]:
    """Names of all files, without those that an unfinished transfer has left."""
    return {
        str(file.relative_to(folder))
        for file in folder.rglob("*")
        if file.is_file() and not file.name.endswith(".tmp")
    }


def replace_file(file: Path, data: bytes) -> None:
    """Other bytes for a file that DVC has protected, its mode kept."""
    mode = file.stat().st_mode
    file.chmod(0o644)
    file.write_bytes(data)
    file.chmod(mode)


class Folder:
    """A folder that several machines see; it is down when it is not mounted."""

    title = "A folder"
    example = "/mnt/shared/taet"
    unseen = True

    def __init__(self, base: Path) -> None:
        self.words: dict[str, str] = {}
        self._mounted, self._away = base / "mounted", base / "away"
        self._mounted.mkdir(parents=True)

    @staticmethod
    def needs() -> dict[str, bool]:
        return {}

    def url(self, folder: str) -> str:
        return str(self._mounted / folder)

    def objects(self, folder: str) -> set[str]:
        return files_under(self._mounted / folder)

    def replace(self, folder: str, name: str, data: bytes) -> None:
        replace_file(self._mounted / folder / name, data)

    def remove(self, folder: str, name: str) -> None:
        (self._mounted / folder / name).unlink()

    def down(self) -> None:
        self._mounted.rename(self._away)

    def up(self) -> None:
        shutil.rmtree(self._mounted, ignore_errors=True)  # what was put there meanwhile
        self._away.rename(self._mounted)

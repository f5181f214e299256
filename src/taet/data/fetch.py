"""Fetching official files: verified before they are opened, resumable, and from a mirror on request.

Compute nodes often have no network. A *mirror* is a folder or an address with the files under their official
names. The environment variable ``TAET_DATA_MIRROR`` names it or, where that is not set, the parameter
``download.mirror``. Intact files that are already there are used as they are.
"""

import errno
import itertools
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

from taet.data.transfer import (
    FAILURES,
    MIRROR,
    TooLargeError,
    may_succeed_later,
    printable,
    reason,
    source_of,
    transfer,
)
from taet.errors import UserError
from taet.messages import say
from taet.study.store.artifacts import kind_if_not_file
from taet.study.store.contents import file_md5

MAX_BYTES = 1 << 30  # of a file whose data set gives no number
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)


def fetch(url: str, file: Path, md5: str, mirror: str | None, max_bytes: int = MAX_BYTES) -> None:
    """Fetch an official file to ``file``, unless it is already there.

    When a transfer breaks off, the bytes received so far remain as ``NAME.part``, and the next call continues
    from them. Only a file with the right checksum gets its name.

    Args:
        url: official address.
        file: where it is put.
        md5: official checksum.
        mirror: folder or address with the same file; see above.
        max_bytes: size of the official file, or an upper bound; a source that sends more is refused.

    Raises:
        UserError: the file cannot be fetched, or is not the official file.
    """
    present_md5 = file_md5(file) if file.is_file() else None
    if present_md5 == md5:
        return
    part = file.with_name(f"{file.name}.part")
    _check_paths(file, part)
    file.parent.mkdir(parents=True, exist_ok=True)
    source = source_of(url, mirror)
    advice = (
        f"put the file into {file.parent}, or have download.mirror in the parameters or {MIRROR} name a "
        "folder or address that holds it"
    )
    origin = printable(str(source))
    if part.exists() and part.stat().st_size > max_bytes:
        part.unlink()
    try:
        transfer(source, part, max_bytes)
    except FAILURES as error:
        bad = f"; {file}: {not_official(present_md5, md5)}" if present_md5 else ""
        raise _broken_off(error, source, part, f"{bad}; ", advice) from None
    except TooLargeError:
        problem = f"not the official file (it is larger than {max_bytes} bytes)"
    else:
        problem = not_official(file_md5(part), md5)
    if not problem:
        part.replace(file)
        return
    part.unlink(missing_ok=True)
    if isinstance(source, Path):
        raise UserError(f"{origin}: {problem}; replace it there, or {advice}")
    raise UserError(
        f"{file.name}: what {origin} gave is {problem}; the copy was deleted; run the same command again, "
        f"or {advice}"
    )


def _broken_off(
    error: Exception, source: str | Path, part: Path, more: str, advice: str
) -> UserError:
    """The error of a transfer that has failed."""
    if getattr(error, "errno", None) in DISK_ERRORS:
        return _no_room(part, error)
    again = "run the same command again to go on, or " if may_succeed_later(error, source) else ""
    return UserError(
        f"{part.stem}: cannot be fetched from {printable(str(source))}: {reason(error)}{more}{again}{advice}"
    )


def not_official(actual_md5: str, md5: str) -> str:
    """That a file is not the official one, in words; empty where its checksum is right."""
    return "" if actual_md5 == md5 else f"not the official file (MD5 {actual_md5}, must be {md5})"


def _check_paths(file: Path, part: Path) -> None:
    """Raise an error if something other than a file is at the path of the file or of its part."""
    for path, follow_links in ((file, True), (part, False)):
        if os.path.lexists(path) and (kind := kind_if_not_file(path, follow_links=follow_links)):
            raise UserError(f"{path}: {kind} is in the place of a file; move it away")


def unpack(archive: Path, folder: str) -> None:
    """Unpack the only folder of a verified archive beside the archive; see ``put_folder``.

    Members with paths or links that lead outside are refused.
    """

    def extract(scratch: Path) -> None:
        with tarfile.open(archive) as tar:
            tar.extractall(scratch, filter="data")

    put_folder(archive.parent / folder, extract)


def put_folder(folder: Path, fill: Callable[[Path], None]) -> None:
    """Make a folder, completely or not at all.

    A folder that already exists is moved aside, to ``NAME.replaced-1``: it may be somebody's work.

    Args:
        folder: the folder.
        fill: makes a folder of the same name inside the folder that it is given.

    Raises:
        UserError: the disk is full.
    """
    for leftover in folder.parent.glob(".unpacking-*"):  # of a process that was killed
        shutil.rmtree(leftover)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".unpacking-") as scratch:
        try:
            fill(Path(scratch))
        except OSError as error:
            if error.errno in DISK_ERRORS:
                raise _no_room(folder, error) from None
            raise
        if os.path.lexists(folder):
            names = (folder.with_name(f"{folder.name}.replaced-{i}") for i in itertools.count(1))
            aside = next(name for name in names if not os.path.lexists(name))
            folder.replace(aside)
            say(f"{folder}: its files are not the official ones; moved to {aside.name}")
        Path(scratch, folder.name).replace(folder)


def _no_room(path: Path, error: Exception) -> UserError:
    return UserError(
        f"{path}: {reason(error)}; make room and run the same command again: it goes on from what "
        "is there"
    )

"""Fetching official files: verified before anyone looks into them, resumable, from a mirror if wanted.

Compute nodes often have no network: a *mirror*, named by the parameter ``download.mirror`` or, before
that, by the environment variable ``TAET_DATA_MIRROR``, is a folder or an address that holds the files
under their official names. Files that are already in place and intact are used as they are.
"""

import errno
import itertools
import os
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

from taet.data.transfer import (
    FAILURES,
    MIRROR,
    TooLargeError,
    can_pass,
    printable,
    reason,
    source_of,
    transfer,
)
from taet.errors import UserError
from taet.study.store.artifacts import no_file
from taet.study.store.contents import file_md5

MOST = 1 << 30  # bytes, of a file whose data set does not say how many it has
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)


def fetch(url: str, target: Path, md5: str, mirror: str | None, most: int = MOST) -> None:
    """Have the official file at ``target``.

    What has arrived when a transfer breaks off is kept as ``NAME.part``, and the next call goes on from
    there. Only a file with the right checksum gets its name.

    Args:
        url: official address.
        target: where the file shall lie.
        md5: official checksum.
        mirror: folder or address that holds it as well; see above.
        most: bytes of the official file, or a bound of them; a source that gives more is refused.

    Raises:
        UserError: it cannot be had, or is not the official file.
    """
    there = file_md5(target) if target.is_file() else None
    if there == md5:
        return
    part = target.with_name(f"{target.name}.part")
    _check_way(target, part)
    target.parent.mkdir(parents=True, exist_ok=True)
    source = source_of(url, mirror)
    other = (
        f"have download.mirror in the parameters or {MIRROR} name a folder or address that holds it"
    )
    advice = f"put the file into {target.parent}, or {other}"
    shown = printable(str(source))
    if part.exists() and part.stat().st_size > most:
        part.unlink()
    try:
        transfer(source, part, most)
    except FAILURES as error:
        if getattr(error, "errno", None) in DISK_ERRORS:
            raise _no_room(part, error) from None
        bad = f"; {target}: {not_official(there, md5)}" if there else ""
        again = "run the same command again to go on, or " if can_pass(error, source) else ""
        raise UserError(
            f"{target.name}: cannot be fetched from {shown}: {reason(error)}{bad}; {again}{advice}"
        ) from None
    except TooLargeError:
        problem = f"not the official file (it is larger than {most} bytes)"
    else:
        problem = not_official(file_md5(part), md5)
    if not problem:
        part.replace(target)
        return
    part.unlink(missing_ok=True)
    if isinstance(source, Path):
        raise UserError(f"{shown}: {problem}; replace it there, or {advice}")
    raise UserError(
        f"{target.name}: what {shown} gave is {problem}; the copy was deleted; run the same command again, "
        f"or {advice}"
    )


def not_official(found: str, md5: str) -> str:
    """What is wrong with a file of a checksum; nothing where it is the official one."""
    return "" if found == md5 else f"not the official file (MD5 {found}, must be {md5})"


def _check_way(target: Path, part: Path) -> None:
    """That nothing stands where the file and its part go but files."""
    for path, follow_links in ((target, True), (part, False)):
        if os.path.lexists(path) and (kind := no_file(path, follow_links=follow_links)):
            raise UserError(f"{path}: {kind} is in the place of a file; move it away")


def unpack(archive: Path, folder: str) -> None:
    """Unpack a verified archive's only folder beside it; see ``put_folder``.

    Members with paths or links that lead outside are refused.
    """

    def extract(scratch: Path) -> None:
        with tarfile.open(archive) as tar:
            tar.extractall(scratch, filter="data")

    put_folder(archive.parent / folder, extract)


def put_folder(target: Path, fill: Callable[[Path], None]) -> None:
    """Have a folder, completely or not at all.

    What is there already is moved aside, to ``NAME.replaced-1``: it may be somebody's work.

    Args:
        target: the folder.
        fill: makes a folder of its name inside the folder that it is given.

    Raises:
        UserError: there is no room for it.
    """
    for left in target.parent.glob(".unpacking-*"):  # by a process that was killed
        shutil.rmtree(left)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".unpacking-") as scratch:
        try:
            fill(Path(scratch))
        except OSError as error:
            if error.errno in DISK_ERRORS:
                raise _no_room(target, error) from None
            raise
        if os.path.lexists(target):
            names = (target.with_name(f"{target.name}.replaced-{i}") for i in itertools.count(1))
            aside = next(name for name in names if not os.path.lexists(name))
            target.replace(aside)
            print(
                f"{target}: its files are not the official ones; moved to {aside.name}",
                file=sys.stderr,
            )
        Path(scratch, target.name).replace(target)


def _no_room(path: Path, error: Exception) -> UserError:
    return UserError(
        f"{path}: {reason(error)}; make room and run the same command again: it goes on from what "
        "is there"
    )

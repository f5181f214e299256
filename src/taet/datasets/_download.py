"""Fetching official files: verified before anyone looks into them, resumable, from a mirror if wanted.

Compute nodes often have no network: a *mirror*, named by the parameter ``download.mirror`` or, before
that, by the environment variable ``TAET_DATA_MIRROR``, is a folder or an address that holds the files
under their official names. Files that are already in place and intact are used as they are.
"""

import errno
import hashlib
import http.client
import itertools
import os
import shutil
import sys
import tarfile
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import BinaryIO

from taet.errors import UserError
from taet.progress import Progress

MIRROR = "TAET_DATA_MIRROR"
CHUNK, UNIT = 1 << 20, 1 << 10  # bytes, of a read and of the progress bar
TIMEOUT = 60  # seconds without an answer
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)


def fetch(url: str, target: Path, md5: str, mirror: str | None) -> None:
    """Have the official file at ``target``.

    What has arrived when a transfer breaks off is kept as ``NAME.part``, and the next call goes on from
    there. Only a file with the right checksum gets its name.

    Raises:
        UserError: it cannot be had, or is not the official file.
    """
    there = file_md5(target) if target.is_file() else None
    if there == md5:
        return
    if target.is_dir():
        raise UserError(f"{target}: a folder is in the place of a file; move it away")
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    source = _source(url, mirror)
    try:
        _transfer(source, part)
    except (OSError, ValueError, http.client.HTTPException) as error:
        if getattr(error, "errno", None) in DISK_ERRORS:
            raise _no_room(part, error) from None
        bad = (
            f" (the one there is not the official one: MD5 {there}, must be {md5})" if there else ""
        )
        raise UserError(
            f"{target.name}: cannot be fetched from {source}: {_reason(error)}; run the same command "
            f"again to go on, or put the file into {target.parent}{bad}, or have download.mirror in the "
            f"parameters or {MIRROR} name a folder or address that holds it"
        ) from None
    found = file_md5(part)
    if found != md5:
        part.unlink()
        raise UserError(
            f"{target.name}: what {source} gave is not the official file (MD5 {found}, must be {md5}); "
            "the copy was deleted; run the same command again, or try another source"
        )
    part.replace(target)


def file_md5(path: Path) -> str:
    """MD5 of a file, as data sets publish it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, partial(hashlib.md5, usedforsecurity=False)).hexdigest()


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


def mirror_folder(mirror: str | None) -> Path | None:
    """The mirror in use, where it is a folder of this machine."""
    place = os.environ.get(MIRROR) or mirror
    return Path(place).expanduser() if place and "://" not in place else None


def _no_room(path: Path, error: Exception) -> UserError:
    return UserError(
        f"{path}: {_reason(error)}; make room and run the same command again: it goes on from what "
        "is there"
    )


def _source(url: str, mirror: str | None) -> str:
    """Where the file of an official address comes from: an address, or a path."""
    name = urllib.parse.urlsplit(url).path.rsplit("/", 1)[1]
    if folder := mirror_folder(mirror):
        return str(folder / name)
    place = os.environ.get(MIRROR) or mirror
    return f"{place.rstrip('/')}/{name}" if place else url


def _transfer(source: str, part: Path) -> None:
    """Append to ``part`` what is still missing of ``source``, a file or an address."""
    have = part.stat().st_size if part.exists() else 0
    if "://" not in source:
        with Path(source).open("rb") as stream:
            _copy(stream, part, 0, Path(source).stat().st_size)
        return
    request = urllib.request.Request(source, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        answer = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code != 416:  # nothing is missing
            raise
        return
    with answer:
        start = have if answer.status == 206 else 0
        missing = int(answer.headers.get("Content-Length") or 0)
        _copy(answer, part, start, start + missing)


def _copy(stream: BinaryIO, part: Path, start: int, total: int) -> None:
    with (
        part.open("ab" if start else "wb") as file,
        Progress(part.stem, total // UNIT, "KiB", done=start // UNIT) as progress,
    ):
        done = start
        while data := stream.read(CHUNK):
            file.write(data)
            done += len(data)
            progress.step(done // UNIT - progress.done)
    if done < total:
        raise http.client.IncompleteRead(b"", total - done)


def _reason(error: Exception) -> str:
    if isinstance(error, http.client.IncompleteRead):
        return f"the connection broke off, {error.expected} bytes are missing"
    return str(getattr(error, "reason", None) or getattr(error, "strerror", None) or error)

"""Digest of the contents of files: the images and labels from which a user's own data set was read.

It is part of the keys, so every job needs it. A file's digest is therefore cached with its size, times and
inode, and computed again when any of these has changed.
"""

import hashlib
import json
import time
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path

from taet.errors import UserError
from taet.study.store.artifacts import file_sha256, write_json

YOUNG = (
    2  # seconds: a younger file could change again within one tick of the clock, and look unchanged
)

Stat = list[int]


def digest_of(files: Iterable[Path], root: Path, cache: Path) -> str:
    """Hash over names and contents of files, in any order; 16 hex digits.

    Args:
        files: their names below ``root`` count.
        root: a folder that may lie elsewhere on another machine.
        cache: file below ``root`` for the digest of each file; without it all files are read again.

    Raises:
        UserError: a file cannot be read.
    """
    before = _cached(root / cache)
    now: dict[str, tuple[Stat, str]] = {}
    for file in sorted(files):
        name = str(file.relative_to(root) if file.is_relative_to(root) else file)
        try:
            stat = _stat(file)
            known, content = before.get(name, ([], ""))
            now[name] = stat, content if known == stat else file_sha256(file)
        except OSError as error:
            raise UserError(f"{file}: cannot be read: {error.strerror}") from None
    if now != before:
        old_enough = {name: entry for name, entry in now.items() if not _is_young(entry[0])}
        with suppress(OSError):  # without a writable folder, files are read each time
            write_json(root / cache, old_enough)
    body = [(name, content) for name, (_, content) in now.items()]
    return hashlib.sha256(json.dumps(body).encode()).hexdigest()[:16]


def _cached(cache: Path) -> dict[str, tuple[Stat, str]]:
    """Stat and digest of each file when it was last read; nothing where the cache is missing or damaged."""
    try:
        return {
            name: (list(stat), str(content))
            for name, (stat, content) in json.loads(cache.read_bytes()).items()
        }
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _stat(file: Path) -> Stat:
    stat = file.stat()
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]


def _is_young(stat: Stat) -> bool:
    """By the time of the last change of any kind, which no program can set."""
    return 0 <= time.time_ns() - stat[2] < YOUNG * 10**9


def file_md5(path: Path) -> str:
    """MD5 of a file, as data sets publish it and DVC names its objects."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, partial(hashlib.md5, usedforsecurity=False)).hexdigest()

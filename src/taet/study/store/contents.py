"""Digest of the contents of files: which pictures and labels a data set of one's own was read from.

Every job asks for it, since it is part of the keys. So a file's digest is remembered with its size, times and
number, and computed again when any of these has changed.
"""

import hashlib
import json
import time
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path

from taet.errors import UserError
from taet.study.store.artifacts import write_json

YOUNG = 2  # seconds: a file this young could change again within the same tick of the clock

Stat = list[int]


def digest_of(files: Iterable[Path], root: Path, memory: Path) -> str:
    """Hash over names and contents of files, in any order; 16 hex digits.

    Args:
        files: their names below ``root`` count.
        root: a folder that may lie elsewhere on another machine.
        memory: where below ``root`` to remember what each file had inside; without it they are read again.

    Raises:
        UserError: a file cannot be read.
    """
    before = _remembered(root / memory)
    now: dict[str, tuple[Stat, str]] = {}
    for file in sorted(files):
        name = str(file.relative_to(root) if file.is_relative_to(root) else file)
        try:
            stat = _stat(file)
            known, content = before.get(name, ([], ""))
            now[name] = stat, content if known == stat else _digest(file)
        except OSError as error:
            raise UserError(f"{file}: cannot be read: {error.strerror}") from None
    if now != before:
        sure = {name: entry for name, entry in now.items() if not _young(entry[0])}
        with suppress(OSError):  # a folder that cannot be written to: they are read each time
            write_json(root / memory, sure)
    body = [(name, content) for name, (_, content) in now.items()]
    return hashlib.sha256(json.dumps(body).encode()).hexdigest()[:16]


def _remembered(memory: Path) -> dict[str, tuple[Stat, str]]:
    try:
        return {
            name: (list(stat), str(content))
            for name, (stat, content) in json.loads(memory.read_bytes()).items()
        }
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _stat(file: Path) -> Stat:
    stat = file.stat()
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]


def _young(stat: Stat) -> bool:
    """By the time of the last change of any kind, which nobody sets."""
    return 0 <= time.time_ns() - stat[2] < YOUNG * 10**9


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def file_md5(path: Path) -> str:
    """MD5 of a file, as data sets publish it and DVC names its objects."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, partial(hashlib.md5, usedforsecurity=False)).hexdigest()

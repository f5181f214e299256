"""Digest of the contents of files: which pictures and labels a data set of one's own was read from.

Every job asks for it, since it is part of the keys. So a file's digest is remembered with its size, times and
number, and computed again when any of these has changed.
"""

import hashlib
import json
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from taet.artifacts import write_json
from taet.errors import UserError

YOUNG = 2  # seconds: a file this young could change again within the same tick of the clock

Stat = list[int]


def digest_of(files: Iterable[Path], memory: Path) -> str:
    """Hash over names and contents of files, in any order; 16 hex digits.

    Args:
        files: names count as they are given, so give them relative to a common folder.
        memory: where to remember what each had inside; losing it costs reading them again.

    Raises:
        UserError: a file cannot be read.
    """
    before = _remembered(memory)
    now: dict[str, tuple[Stat, str]] = {}
    for file in sorted(files):
        try:
            stat = _stat(file)
            known, content = before.get(str(file), ([], ""))
            now[str(file)] = stat, content if known == stat else _digest(file)
        except OSError as error:
            raise UserError(f"{file}: cannot be read: {error.strerror}") from None
    if now != before:
        old = time.time_ns() - YOUNG * 10**9
        sure = {name: entry for name, entry in now.items() if max(entry[0][1:3]) < old}
        with suppress(OSError):  # a folder that cannot be written to: they are read each time
            write_json(memory, sure)
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


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()

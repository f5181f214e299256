"""The packages of a run, compared with those of the saved results, which ``requirements.lock`` lists."""

import re
from collections.abc import Mapping
from pathlib import Path

from taet.source_code import PACKAGE

LOCK = PACKAGE.parents[1] / "requirements.lock"
PINNED = re.compile(r"^([\w.-]+)==([^\s;]+)", re.MULTILINE)


def is_locked(versions: Mapping[str, str], lock: Path = LOCK) -> bool | None:
    """Whether packages have the versions that a lock file pins; those that it does not list do not count.

    Args:
        versions: by the name of the package.
        lock: the file.

    Returns:
        None without the file, as where only the wheel is installed.
    """
    try:
        pinned = dict(PINNED.findall(lock.read_text(encoding="utf-8")))
    except OSError:
        return None
    return all(pinned.get(name, version) == version for name, version in versions.items())

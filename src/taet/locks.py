"""One writer at a time: what two processes must not do at once."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout


@contextmanager
def alone_with(output: Path) -> Iterator[bool]:
    """Hold an output while it is made: another process waits for its turn.

    The lock goes with the process, however it ends; its empty file, hidden beside the output, stays.

    The folder must be there.

    Yields:
        Whether another process had to be waited for.
    """
    lock = FileLock(output.with_name(f".{output.name}.lock"))
    try:
        lock.acquire(blocking=False)
        waited = False
    except Timeout:
        print(f"{output}: another process works on it; waiting", file=sys.stderr, flush=True)
        lock.acquire()
        waited = True
    try:
        yield waited
    finally:
        lock.release()

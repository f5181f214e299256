"""One writer at a time: what two processes must not do at once."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from taet.errors import UserError
from taet.messages import say

NO_LOCKS = (errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK)  # errors of a file system without flock


@contextmanager
def alone_with(output: Path) -> Iterator[bool]:
    """Hold an output while it is made: another process waits for its turn.

    The lock ends with the process, however that ends; its empty file, hidden beside the output, stays. The
    folder must exist.

    Yields:
        Whether this process had to wait for another.

    Raises:
        UserError: the file system has no such locks. filelock's substitute, a marker file, will not do: it
            would stay when a node fails.
    """
    lock = FileLock(output.with_name(f".{output.name}.lock"), fallback_to_soft=False)
    try:
        lock.acquire(blocking=False)
        waited = False
    except Timeout:
        say(f"{output}: another process works on it; waiting")
        lock.acquire()
        waited = True
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        raise UserError(
            f"{output.parent}: this file system has no locks (flock), without which two processes could "
            "write one file; put the project where there are (NFS 4, Lustre mounted with -o flock, a local "
            "disk)"
        ) from None
    try:
        yield waited
    finally:
        lock.release()

"""Lines for people on standard error, which may be a log on a full disk: no line ends the work.

A rule of Snakemake's writes a job's lines into a log. Where that lies on the disk that is full, nobody would
read why the job has failed. ``TAET_ERRORS_FD`` names one more place for that: a descriptor that is open.
"""

import os
import sys
from contextlib import suppress


def say(line: str) -> None:
    """Print a line, if there is room for it."""
    with suppress(OSError, ValueError):  # ValueError: the stream is closed
        print(line, file=sys.stderr, flush=True)


def complain(line: str) -> None:
    """Print why a command fails: also to whoever has started it and sends its lines to a log."""
    say(line)
    if STARTER is not None:
        with suppress(OSError):
            os.write(STARTER, f"{line}\n".encode(errors="backslashreplace"))


def descriptor() -> int | None:
    """The one that ``TAET_ERRORS_FD`` names, if it is open."""
    try:
        found = int(os.environ["TAET_ERRORS_FD"])
        os.fstat(found)
    except (KeyError, ValueError, OverflowError, OSError):
        return None
    return found


# Looked for before this process opens anything: a process between has perhaps closed it (torchrun does), and
# its number is then free for another file.
STARTER = descriptor()

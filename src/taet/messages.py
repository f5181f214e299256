"""Lines for people on standard error, which may be a log on a full disk: no failed line ends the work.

Snakemake's rules write a job's lines into a log. On a full disk the log would not say why the job failed.
``TAET_ERRORS_FD`` names an open descriptor to which such a line is written too.
"""

import os
import sys
from contextlib import suppress

CLEAR = "\r\033[K"  # on a terminal, where the line that shows how far the run is may be


def say(line: str) -> None:
    """Print a line, if it can be written."""
    with suppress(OSError, ValueError):  # ValueError: the stream is closed
        print(line, file=sys.stderr, flush=True)


def complain(line: str) -> None:
    """Print why a command fails, also to the process that started it and sends its lines to a log."""
    say(line)
    if STARTER is not None:
        with suppress(OSError):
            clear = CLEAR if os.isatty(STARTER) else ""
            os.write(STARTER, f"{clear}{line}\n".encode(errors="backslashreplace"))


def descriptor() -> int | None:
    """The descriptor that ``TAET_ERRORS_FD`` names, if it is open."""
    try:
        number = int(os.environ["TAET_ERRORS_FD"])
        os.fstat(number)
    except (KeyError, ValueError, OverflowError, OSError):
        return None
    return number


# Checked before this process opens any file: torchrun, between the starter and this process, may have closed
# the descriptor, and its number would then go to another file.
STARTER = descriptor()

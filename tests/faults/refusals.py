"""Bad input and what is said of it: in one line, soon, and with the words that help."""

import contextlib
import io
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from taet.cli.main import main

SOON = 5.0  # seconds of processor time; importing torch takes two


@dataclass(frozen=True)
class Refusal:
    """What came of one bad input.

    Attributes:
        kind: of the input.
        title: the input, in short.
        status: exit status of the command.
        message: what it printed to standard error.
        unsaid: words that the message should have had.
        seconds: that it took.
    """

    kind: str
    title: str
    status: int
    message: str
    unsaid: tuple[str, ...]
    seconds: float

    @property
    def good(self) -> bool:
        """Refused in time, with one line that says what is needed."""
        return not (
            self.status not in (1, 2)
            or self.unsaid
            or self.message.count("\n") != 1
            or not self.message.rstrip("\n").isprintable()
            or self.seconds > SOON
        )


def refuse(kind: str, title: str, command: list[str], said: Iterable[str]) -> Refusal:
    """Run a command that should be refused, in this process and its working folder.

    Args:
        command: after ``python -m taet``.
        said: words that the message must have.
    """
    errors = io.StringIO()
    start = time.process_time()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(errors):
        try:
            status = main(command)
        except SystemExit as left:  # argparse
            status = int(left.code or 0)
    message = errors.getvalue()
    unsaid = tuple(word for word in said if word not in message)
    return Refusal(kind, title, status, message, unsaid, time.process_time() - start)


def rows(refusals: Iterable[Refusal]) -> list[dict[str, Any]]:
    """For a table: what was tried and said."""
    return [
        {
            "kind": r.kind,
            "input": r.title,
            "status": r.status,
            "harmless": r.good,
            "message": r.message.strip()[:120],
        }
        for r in refusals
    ]

"""The one exception a user is meant to read, and the words that many of its messages share."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Something the user can put right: bad input, a damaged file, a full disk.

    The message is complete on its own: what, where, what is allowed, what to do next.
    The command line prints it as one line and exits with status 1.
    """


class ArgumentError(UserError):
    """A value that a function cannot take. The message begins with the argument's name, so that the command
    line can say ``--`` before it."""


def suggest(word: str, known: Iterable[str]) -> str:
    """``; did you mean ...; known: ...`` for an unknown word, or nothing where nothing is known."""
    names = list(known)
    if not names:
        return ""
    near = difflib.get_close_matches(word, names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ";"
    return f"{hint} known: {', '.join(names)}"


def counted(number: int, noun: str) -> str:
    """``1 image``, ``2 images``, ``3 classes``."""
    plural = f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"


def first_line(error: BaseException) -> str:
    """What code of the user's has raised, in one line: ``ValueError: no such file``."""
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory did not suffice; torch says so by text, its own for a processor and for a GPU."""
    text = str(error)
    return isinstance(error, MemoryError) or "allocate memory" in text or "out of memory" in text

"""The exception for users, and the phrases that its messages share."""

import difflib
import re
from collections.abc import Iterable


class UserError(Exception):
    """Something the user can put right: bad input, a damaged file, a full disk.

    The message is complete: what, where, what is allowed, what to do next. The command line prints it as one
    line and exits with status 1.
    """


class ArgumentError(UserError):
    """A value that a function cannot take. The message begins with the argument's name, before which the
    command line puts ``--``."""


MOST_NAMES = 12  # known names that are listed beside a suggestion


def suggest(word: str, known: Iterable[str]) -> str:
    """``; did you mean ...; known: ...`` for an unknown word, or nothing where nothing is known.

    Long lists are given only where no name is near.
    """
    names = list(known)
    if not names:
        return ""
    near = nearest(word, names)
    if near and len(names) > MOST_NAMES:
        return near
    return f"{near or ';'} known: {', '.join(names)}"


def nearest(word: str, known: Iterable[str]) -> str:
    """``; did you mean ...?`` for an unknown word, or nothing where no known one is near."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def counted(number: int, noun: str) -> str:
    """``1 image``, ``2 images``, ``3 classes``."""
    plural = f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"


LONGEST_VALUE = 60  # characters of a value in a message


def shortened(text: str) -> str:
    """A value for a message: not too long."""
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 3]}..."


def first_line(error: BaseException) -> str:
    """An error of the user's own code in one line: ``ValueError: no such file``."""
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"


# Messages of torch for main memory and for a GPU's, and of the system for a library that it cannot load.
OUT_OF_MEMORY = re.compile(r"allocate memory|out of memory|failed to map segment")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory did not suffice, which most errors tell by their message alone."""
    return isinstance(error, MemoryError) or OUT_OF_MEMORY.search(str(error)) is not None


def memory_message(error: BaseException) -> str:
    """The message for the user: ``not enough memory``, the error's line about it, and what to do."""
    lines = [line for line in str(error).splitlines() if OUT_OF_MEMORY.search(line)]
    what = f" ({lines[0].strip()})" if lines else ""
    if isinstance(error, ImportError):
        return (
            f"not enough memory to load a library{what}; raise the limit (ulimit -v, or the scheduler's), or "
            "use a machine with more"
        )
    return (
        f"not enough memory{what}; raise the limit (ulimit -v, or the scheduler's), use a machine with more, "
        "or lower training.batch_size, evaluation.batch_size or the width of the network"
    )

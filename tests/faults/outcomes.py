"""What came of each thing that was tried: printed as it comes, and as rows of a table."""

import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.conftest import Tree


def shown(found: Iterable[Any]) -> list[Any]:
    """All outcomes, each printed when it is there."""
    outcomes = []
    for outcome in found:
        print(outcome, flush=True)
        outcomes.append(outcome)
    return outcomes


def rows(found: Iterable[Any]) -> list[dict[str, object]]:
    """Outcomes as rows of a table."""
    return [{**asdict(one), "harmless": one.harmless} for one in found]


def try_all(work: Callable[[Tree, Path], Iterator[Any]], said: str) -> None:
    """Try ``work`` on a finished study ``tiny``, print what ``said`` is to say, and end the program.

    Args:
        work: takes the finished tree and a folder for its own, and yields outcomes.
        said: a sentence with ``{all}`` and ``{bad}``, the numbers of outcomes and of harmful ones.
    """
    from tests.faults.kills import COMMAND, tiny_tree

    with tempfile.TemporaryDirectory() as folder:
        finished = tiny_tree(Path(folder, "finished"))
        finished.ok(*COMMAND)
        found = shown(work(finished, Path(folder)))
    bad = sum(not one.harmless for one in found)
    print(said.format(all=len(found), bad=bad))
    sys.exit(bool(bad))

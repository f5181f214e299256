"""The tables of changes, and where in its file a change is."""

import ast
import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
TABLES = (
    "methods_and_attacks",
    "tables_and_statistics",
    "evaluation_and_metrics",
    "data_and_training",
)


@dataclass(frozen=True)
class Change:
    """One change of one source file.

    Attributes:
        file: relative to the repository.
        before: text that is in the file once.
        after: what takes its place.
        breaks: which number is wrong then.
        equivalent: why no test can notice it; empty for all that count.
    """

    file: str
    before: str
    after: str
    breaks: str
    equivalent: str = ""

    def __str__(self) -> str:
        return f"{self.file}: {self.breaks}"

    @property
    def text(self) -> str:
        """Before and after, in one line."""
        return " -> ".join(" ".join(part.split()) for part in (self.before, self.after))

    def of(self, source: str) -> str:
        """The changed source."""
        return source.replace(self.before, self.after)

    def lines(self, source: str) -> set[int]:
        """Lines of the statements that differ, 1-based; empty where these run on import alone."""
        start = source.index(self.before) + _common(self.before, self.after)
        stop = source.index(self.before) + len(self.before)
        stop -= _common(self.before[::-1], self.after[::-1])
        first = source.count("\n", 0, start) + 1
        last = source.count("\n", 0, max(start, stop - 1)) + 1
        found: set[int] = set()
        for spans in _statements(ast.parse(source), inside=False):
            if spans[0] <= last and first <= spans[-1]:
                found |= set(spans)
        return found


def _common(a: str, b: str) -> int:
    """Length of the common beginning, but for one character, so that a whole text is no beginning."""
    most = max(min(len(a), len(b)) - 1, 0)
    return next((i for i in range(most) if a[i] != b[i]), most)


def _statements(tree: ast.AST, inside: bool) -> Iterator[range]:
    """Lines of each statement within functions, of compound ones those of the head."""
    for node in ast.iter_child_nodes(tree):
        if inside and isinstance(node, ast.stmt):
            body = getattr(node, "body", None)
            end = body[0].lineno - 1 if body else node.end_lineno
            yield range(node.lineno, max(node.lineno, end or 0) + 1)
        yield from _statements(node, inside or isinstance(node, ast.FunctionDef))


def read_tables() -> list[Change]:
    """All changes, in the order of the tables.

    Raises:
        SystemExit: a text is not in its file, or there more than once; or two changes are the same.
    """
    changes = [
        Change(*row)
        for table in TABLES
        for row in importlib.import_module(f"tests.mutations.{table}").MUTATIONS
    ]
    wrong = [
        f"{change}: {change.before!r} is there {n} times, must be once"
        for change in changes
        if (n := (ROOT / change.file).read_text().count(change.before)) != 1
    ]
    wrong += [f"{c}: named twice" for c in {c for c in changes if changes.count(c) > 1}]
    if wrong:
        raise SystemExit("\n".join(wrong))
    return changes

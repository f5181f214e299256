"""results.csv: every change with the test that caught it, and in what time."""

import csv
from dataclasses import dataclass
from pathlib import Path

from tests.mutations.changes import Change

FILE = Path(__file__).with_name("results.csv")
COLUMNS = ("file", "change", "breaks", "caught_by", "seconds")


@dataclass(frozen=True)
class Result:
    """What became of a change; ``caught_by`` is empty for a survivor."""

    change: Change
    caught_by: str
    seconds: float

    def __str__(self) -> str:
        return f"{self.seconds:.1f} s, {self.caught_by or 'SURVIVED'}: {self.change}"


class Results:
    """Rows of results.csv by what was changed."""

    def __init__(self, rows: list[dict[str, str]]) -> None:
        self.rows = {(row["file"], row["change"]): row for row in rows}

    @classmethod
    def read(cls) -> "Results":
        if not FILE.exists():
            return cls([])
        with FILE.open(newline="") as file:
            return cls(list(csv.DictReader(file)))

    def add(self, result: Result) -> None:
        change = result.change
        values = (
            change.file,
            change.text,
            change.breaks,
            result.caught_by,
            f"{result.seconds:.1f}",
        )
        self.rows[change.file, change.text] = dict(zip(COLUMNS, values, strict=True))

    def caught(self, change: Change) -> bool:
        row = self.rows.get((change.file, change.text))
        return row is not None and bool(row["caught_by"])

    def write(self, changes: list[Change]) -> None:
        """In the order of the tables, without changes that are no longer there."""
        with FILE.open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            for change in changes:
                row = self.rows.get((change.file, change.text))
                if row is not None and not change.equivalent:
                    writer.writerow({**row, "breaks": change.breaks})

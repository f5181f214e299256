"""What a benchmark measured: said on the terminal, and kept in results/reference/benchmarks/NAME.csv.

Does not import torch: the system counts what a process held before it became another program, so a large
benchmark would be in the peak memory of the small programs that it starts.
"""

import csv
import importlib.metadata
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from taet.study.store.records import processor
from taet.study.store.revision import revision

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "results" / "reference" / "benchmarks"
FIELDS = ["what", "value", "unit", "low", "high", "n", "device", "python", "torch", "revision"]


class Results:
    """Rows of one benchmark.

    Args:
        name: of the benchmark's file.
        device: on which was measured; this machine's processor if None.
    """

    def __init__(self, name: str, device: str | None = None) -> None:
        self.name = name
        self.rows: list[dict[str, object]] = []
        self.place = {
            "device": device or f"{processor()}, {os.cpu_count()} cores",
            "python": platform.python_version(),
            "torch": importlib.metadata.version("torch"),
            "revision": revision(),
        }

    def add(self, what: str, values: Sequence[float], unit: str) -> None:
        """Say and remember the median of some measurements, with the least and the largest."""
        low, middle, high = min(values), statistics.median(values), max(values)
        print(f"{what}: median {middle:.4g} [{low:.4g}, {high:.4g}] {unit}, n = {len(values)}")
        numbers = {"value": f"{middle:.4g}", "low": f"{low:.4g}", "high": f"{high:.4g}"}
        row = {"what": what, **numbers, "unit": unit, "n": len(values), **self.place}
        self.rows.append(row)

    def keep(self) -> None:
        """Say where it was measured, and write the rows over those of the last time."""
        print("{device}; Python {python}, torch {torch}; code {revision}".format(**self.place))
        FOLDER.mkdir(parents=True, exist_ok=True)
        with (FOLDER / f"{self.name}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.rows)


def in_turn(
    works: Mapping[str, Callable[[], object]],
    repeats: int,
    clock: Callable[[], float] = time.process_time,
) -> dict[str, list[float]]:
    """Seconds of each piece of work, A B C A B C ..., after one run of each that does not count.

    Args:
        clock: processor time, if not another.
    """
    for work in works.values():
        work()
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(repeats):
        for name, work in works.items():
            start = clock()
            work()
            seconds[name].append(clock() - start)
    return seconds

"""Progress of long work: a bar on a terminal, a plain line now and then in a log."""

import sys
import time
from types import TracebackType
from typing import Self

from tqdm import tqdm

from taet.messages import say

LOG_INTERVAL = 15.0  # seconds between two lines in a log


class Progress:
    """Counts steps towards a total and shows rate and remaining time on standard error."""

    def __init__(self, title: str, total: int, unit: str, done: int = 0) -> None:
        self.title, self.total, self.unit = title, total, unit
        self.done, self.first = done, done
        self.began = self.reported = time.monotonic()
        self.note = ""
        self.bar = (
            tqdm(total=total, initial=done, desc=title, unit=f" {unit}", leave=False)
            if sys.stderr.isatty()
            else None
        )

    def __enter__(self) -> Self:
        return self

    def step(self, count: int = 1, note: str = "") -> None:
        """Count ``count`` more units as done, and show ``note`` beside the numbers."""
        self.done += count
        self.note = note
        if self.bar is not None:
            self.bar.set_postfix_str(note, refresh=False)
            self.bar.update(count)
        elif time.monotonic() - self.reported >= LOG_INTERVAL:
            self._log()

    def _log(self) -> None:
        self.reported = time.monotonic()
        rate = (self.done - self.first) / max(self.reported - self.began, 1e-9)
        remaining = (self.total - self.done) / rate if rate else float("inf")
        note = f", {self.note}" if self.note else ""
        say(
            f"{self.title}: {self.done}/{self.total} {self.unit}, "
            f"{rate:.2f} {self.unit}/s, {remaining:.0f} s left{note}"
        )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.bar is not None:
            self.bar.close()
        elif kind is None and self.total:
            self._log()

"""Long jobs save themselves outside their declared outputs, with their key.

Snakemake deletes declared outputs before it runs a job again, and work done with other parameters must
never be resumed.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from taet.study.run.processes import team
from taet.study.store import artifacts

if TYPE_CHECKING:
    from taet.study.plan.job import Job


SAVING_SHARE = 0.05  # of a job's time at most


class Saver:
    """Saves whenever asked, but for the times that would make saving the work."""

    def __init__(self) -> None:
        self.due = 0.0

    def __call__(self, save: Callable[[], None]) -> None:
        """Save, unless the last time is too short ago for what it cost."""
        before = time.monotonic()
        if before < self.due:
            return
        save()
        after = time.monotonic()
        self.due = after + (after - before) / SAVING_SHARE


def resume_path(job: "Job") -> Path:
    """Where a job saves what it has done so far: one file per cell, so that none is left behind."""
    return Path("results", job.study, "resume", *job.output.parts[2:])


def finish(job: "Job", arrays: artifacts.Arrays, facts: dict[str, Any]) -> None:
    """Write the job's output and forget what was saved on the way, if this process is the one that writes."""
    if not team().first:
        return
    artifacts.write_arrays(job.output, arrays, job.key, **facts)
    saved = resume_path(job)
    artifacts.remove_leftovers(saved)
    saved.unlink(missing_ok=True)

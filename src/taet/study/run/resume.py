"""Resume files: what an unfinished job has done so far, saved outside its declared outputs, with its key.

Snakemake deletes declared outputs before it runs a job again, and work done with other parameters must
never be resumed.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from taet.errors import UserError
from taet.messages import say
from taet.study.run.processes import team
from taet.study.store import artifacts

if TYPE_CHECKING:
    from taet.study.plan.job import Job


SAVING_SHARE = 0.05  # of a job's time, at most


class ResumeFile:
    """The resume file of one job.

    Args:
        path: the file; it may be missing.
        key: of the job.
        title: of the job, for messages.
        pause: seconds between two saves, at least.

    Attributes:
        resumed: whether this run goes on from what the file held.
    """

    def __init__(self, path: Path, key: str, title: str, pause: float = 0) -> None:
        self.path, self.key, self.title, self.pause = path, key, title, pause
        self.resumed = False
        self.next_save = time.monotonic() + pause

    def restore(self, apply: Callable[[artifacts.Arrays, dict[str, Any]], None]) -> None:
        """Hand the saved arrays and facts to ``apply``, if there are any that this job can use."""
        if not self.path.exists():
            return
        try:
            apply(*artifacts.read_arrays(self.path, self.key))
            self.resumed = True
        except UserError as error:
            say(f"{self.title}: starting over: {error}")

    def save(self, collect: Callable[[], tuple[artifacts.Arrays, dict[str, Any]]]) -> None:
        """Save what ``collect`` gives, arrays and facts, unless the last save is too recent for its cost."""
        start = time.monotonic()
        if start < self.next_save:
            return
        arrays, facts = collect()
        artifacts.write_arrays(self.path, arrays, self.key, **facts)
        end = time.monotonic()
        self.next_save = end + max((end - start) / SAVING_SHARE, self.pause)


def resume_file(job: "Job", pause: float = 0) -> ResumeFile:
    """The resume file of a job: one for each cell, so that none is left behind."""
    path = Path("results", job.study, "resume", *job.output.parts[2:])
    return ResumeFile(path, job.key, job.title, pause)


def finish(job: "Job", arrays: artifacts.Arrays, facts: dict[str, Any]) -> None:
    """Write the job's output and remove its resume file, if this process is the one that writes."""
    if not team().first:
        return
    artifacts.write_arrays(job.output, arrays, job.key, **facts)
    path = resume_file(job).path
    artifacts.remove_leftovers(path)
    path.unlink(missing_ok=True)

"""How far a run is: which jobs have finished, which are running, and how long the rest will take."""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean

from snakemake_logger_plugin_taet.jobs import EXPECTED, Expected
from taet.axes import job_title

START = 5.0  # seconds: starting Python and torch, of every job
ENOUGH = 0.01  # share of the work of a kind; of less, what starting costs is too large a part
STEPS = re.compile(r": (\d+)/(\d+) (\S+), \S+ \S+, (\d+) s left")
ERROR = re.compile(r"[A-Za-z_][\w.]*(Error|Exception)\b")
TAIL = 500  # bytes of a log


@dataclass(frozen=True)
class Steps:
    """What a job last wrote into its log about its progress (``taet.study.run.progress``)."""

    done: int
    total: int
    unit: str
    left: float
    """Seconds."""

    def __str__(self) -> str:
        if self.unit == "epochs":
            return f"epoch {self.done}/{self.total}"
        return f"{100 * self.done // max(self.total, 1)} %"


@dataclass
class Running:
    """A job that has started."""

    title: str
    short: str
    started: float
    log: str | None
    steps: Steps | None = None


@dataclass
class Progress:
    """Of one run of Snakemake.

    Attributes:
        total: jobs that will have run; targets, which make nothing, are not counted.
    """

    total: int = 0
    running: dict[int, Running] = field(default_factory=dict)
    finished: dict[int, float] = field(default_factory=dict)
    """Seconds that each took."""
    failed: dict[int, str] = field(default_factory=dict)
    """Titles."""
    most_at_once: int = 1
    stopped: bool = False
    """Whether jobs were interrupted."""

    def start(
        self, number: int, stage: str, cell: dict[str, str], log: str | None, now: float
    ) -> None:
        """A job starts, perhaps again."""
        known = EXPECTED.get(number)
        title = job_title(stage, cell)
        self.running[number] = Running(title, known.short if known else title, now, log)
        self.most_at_once = max(self.most_at_once, len(self.running))

    def finish(self, number: int, now: float) -> Running | None:
        """A job is done; None for a target."""
        job = self.running.pop(number, None)
        if job is not None:
            self.finished[number] = now - job.started
            self.failed.pop(number, None)
        return job

    def fail(self, number: int, title: str) -> None:
        """A job has failed; it may start again."""
        job = self.running.pop(number, None)
        self.failed[number] = job.title if job else title

    def interrupt(self, number: int) -> None:
        """A job was stopped by who runs it."""
        self.running.pop(number, None)
        self.stopped = True

    def read_logs(self) -> None:
        """Learn from their logs how far the running jobs are."""
        for job in self.running.values():
            job.steps = last_steps(job.log) or job.steps

    def seconds_left(self, now: float) -> float | None:
        """Of the whole run; None until a job of the main kind has finished or says how far it is."""
        speeds = self._seconds_by_weight()
        left, longest = 0.0, 0.0
        for number, job in EXPECTED.items():
            if number in self.finished or number in self.failed:
                continue
            seconds = _estimate(job, speeds)
            if seconds is None:
                return None
            if (running := self.running.get(number)) is not None:
                seconds = (
                    running.steps.left
                    if running.steps
                    else max(0, seconds - (now - running.started))
                )
                longest = max(longest, seconds)
            left += seconds
        return max(longest, left / self.most_at_once) if EXPECTED else None

    def _seconds_by_weight(self) -> dict[tuple[str, ...], float]:
        """Seconds for a weight of one, by kind: of kinds of which enough work has been done."""
        totals: dict[tuple[str, ...], float] = {}
        for job in EXPECTED.values():
            totals[job.kind] = totals.get(job.kind, 0.0) + job.weight
        measured: dict[tuple[str, ...], list[tuple[float, float, float]]] = {}
        for number, job in EXPECTED.items():
            if (row := self._measured(number, job.weight)) is not None:
                measured.setdefault(job.kind, []).append(row)
        sums = {
            kind: [sum(column) for column in zip(*rows, strict=True)]
            for kind, rows in measured.items()
        }
        return {
            kind: seconds / weight
            for kind, (seconds, weight, done) in sums.items()
            if done >= ENOUGH * totals[kind]
        }

    def _measured(self, number: int, weight: float) -> tuple[float, float, float] | None:
        """Of a job: seconds, the work that they are for, and how much of it has been done."""
        if number in self.finished:
            seconds = self.finished[number]
            return max(seconds - START, seconds / 10), weight, weight
        steps = self.running[number].steps if number in self.running else None
        if steps is None or not 0 < steps.done < steps.total:
            return None
        done = weight * steps.done / steps.total
        return steps.left, weight - done, done


def _estimate(job: Expected, speeds: dict[tuple[str, ...], float]) -> float | None:
    """Seconds of a whole job; of a kind that has not finished yet, a guess from others."""
    if job.kind in speeds:
        return START + job.weight * speeds[job.kind]
    trainings = {kind: speed for kind, speed in speeds.items() if kind[0] == "training"}
    if job.kind[0] not in ("training", "attack"):
        return START
    if not trainings:
        return None
    # An attack of a network takes about as long as its training.
    weights = [e.weight for e in EXPECTED.values() if e.kind[0] == "training"]
    weight = job.weight if job.kind[0] == "training" else fmean(weights)
    return START + weight * fmean(trainings.values())


def last_steps(log: str | None) -> Steps | None:
    """The last line about progress in a log; None if there is none."""
    if not (matches := STEPS.findall(tail(log))):
        return None
    done, total, unit, left = matches[-1]
    return Steps(int(done), int(total), unit, float(left))


def last_error(log: str | None) -> str | None:
    """The error that a traceback at the end of a log names; None if there is none."""
    lines = tail(log).splitlines()
    return lines[-1] if lines and ERROR.match(lines[-1]) else None


def tail(log: str | None) -> str:
    """The end of a file; nothing of one that cannot be read."""
    if log is None:
        return ""
    try:
        with Path(log).open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL))
            return file.read().decode(errors="replace")
    except OSError:
        return ""

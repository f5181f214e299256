"""Doing a job, and knowing whether it is done."""

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from taet.errors import UserError, is_out_of_memory, memory_message
from taet.study.params import plugins
from taet.study.plan.job import Job
from taet.study.run.processes import joined
from taet.study.store import artifacts
from taet.study.store.locks import alone_with
from taet.study.store.records import Stopwatch, record_path, write_record


def run_job(job: Job) -> None:
    """Do the job: afterwards its output exists, complete and with its record.

    Two processes with the same job take turns, and the second has nothing to do: one of them may be left on a
    cluster from a killed workflow.

    Raises:
        UserError: an input is missing, damaged or stale, or the work cannot be done.
        OSError: the output cannot be stored.
    """
    artifacts.check_writable(job.output.parent)
    with joined(job) as team:
        if team.first:
            with alone_with(job.output) as waited:
                if team.agree(not (waited and is_current(job))):
                    _make_output(job)
        elif team.agree(True):
            _run_stage(job)


def _make_output(job: Job) -> None:
    watch = Stopwatch()
    for needed in job.inputs.values():
        if artifacts.read_key(needed.output) != needed.key:
            raise artifacts.stale(needed.output)
    for file in (job.output, *job.files, record_path(job.output)):
        artifacts.remove_leftovers(file)
    write_record(job, watch, **_run_stage(job))
    for needed in job.inputs.values():
        _not_in_the_future(needed.output)


def _not_in_the_future(file: Path) -> None:
    """Give an input the present time if its own is later, as after a clock was set back.

    Snakemake deletes a new output if one of its inputs is younger.
    """
    if file.stat().st_mtime > time.time():
        with suppress(OSError):  # another user's file: Snakemake will complain of its time
            os.utime(file)


def _run_stage(job: Job) -> dict[str, Any]:
    """Run the stage; returns facts for the record."""
    try:
        facts: dict[str, Any] = plugins.load("stages", job.stage).run(job)
        return facts
    except UserError as error:
        raise UserError(f"{job.title}: {error}") from None
    except (MemoryError, RuntimeError, ImportError, OSError) as error:
        if not is_out_of_memory(error):
            raise
        raise UserError(f"{job.title}: {memory_message(error)}") from None


def is_current(job: Job) -> bool:
    """Whether the job's output carries the job's key and is whole (fast, for planning).

    Of arrays only header and length are read; the files beside a manifest, which are few, entirely.
    """
    try:
        if job.files:
            artifacts.verify_manifest(job.output, job.key, job.files)
        return artifacts.read_key(job.output) == job.key
    except UserError:
        return False

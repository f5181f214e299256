"""Stage ``stabilize``: stage 1, a checkpoint from which methods go on with their own loss."""

from typing import TYPE_CHECKING, Any

from taet.checkpoint import run_arrays
from taet.stages._data import read_data
from taet.stages._resume import finish
from taet.stages._training import train_job

if TYPE_CHECKING:
    from taet.jobs import Job


def run(job: "Job") -> dict[str, Any]:
    """Write weights and optimiser state: whoever goes on must not notice the interruption."""
    trained, facts, record = train_job(job, read_data(job, "train", "validation"))
    finish(job, run_arrays(trained), facts)
    return record

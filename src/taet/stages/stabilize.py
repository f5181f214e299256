"""Stage ``stabilize``: stage 1, a checkpoint from which methods go on with their own loss."""

from typing import TYPE_CHECKING, Any

from taet.data.split import read_data
from taet.study.run.resume import finish
from taet.training.begin import train_job
from taet.training.checkpoint import run_arrays

if TYPE_CHECKING:
    from taet.study.plan.job import Job


def run(job: "Job") -> dict[str, Any]:
    """Write weights and optimiser state: whoever goes on must not notice the interruption."""
    trained, facts, record = train_job(job, read_data(job, "train", "validation"))
    finish(job, run_arrays(trained), facts)
    return record

"""Stage ``stabilize``: stage 1 (clean warm-up), a checkpoint from which methods continue training."""

from typing import TYPE_CHECKING, Any

from taet.data.split_images import read_data
from taet.study.run.resume import finish
from taet.training.checkpoint import run_arrays
from taet.training.train_job import train_job

if TYPE_CHECKING:
    from taet.study.plan.job import Job


def run(job: "Job") -> dict[str, Any]:
    """Write all state of the run, so that a method continues as if training had not been interrupted."""
    trained, facts, record = train_job(job, read_data(job, "train", "validation"))
    finish(job, run_arrays(trained), facts)
    return record

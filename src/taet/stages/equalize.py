"""Stage ``equalize``: a method trained to its end."""

from typing import TYPE_CHECKING, Any

from taet.networks import model_arrays
from taet.stages._training import finish, train_job

if TYPE_CHECKING:
    from taet.jobs import Job


def run(job: "Job") -> dict[str, Any]:
    """Write the last weights."""
    trained, facts, record = train_job(job)
    finish(job, model_arrays(trained.model), facts)
    return record

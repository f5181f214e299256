"""Stage ``download``: a data set as one verified array of images."""

from typing import TYPE_CHECKING, Any

from taet import artifacts, plugins

if TYPE_CHECKING:
    from taet.jobs import Job


def run(job: "Job") -> dict[str, Any]:
    """Write all images of the job's data set; see ``taet.datasets._base.ImageSet``."""
    options = job.reads["dataset"]
    found = plugins.load("datasets", options.kind).obtain(job.output.parent, options)
    arrays = {"images": found.images, "labels": found.labels, "official": found.official}
    artifacts.write_arrays(
        job.output,
        arrays,
        job.key,
        dataset=job.cell["dataset"],
        class_names=found.class_names,
        max_value=found.max_value,
    )
    return {"images": len(found.labels)}

"""Stage ``download``: a data set as one verified array of images."""

from typing import TYPE_CHECKING, Any

from taet.data.imageset import verify
from taet.errors import UserError
from taet.study.params import plugins
from taet.study.store import artifacts

if TYPE_CHECKING:
    from taet.study.plan.job import Job


def run(job: "Job") -> dict[str, Any]:
    """Write all images of the job's data set; see ``taet.data.imageset.ImageSet``."""
    options, folder = job.reads["dataset"], job.output.parent
    plugin = plugins.load("datasets", options.kind)
    found = plugin.obtain(folder, options, job.reads["download"].mirror)
    try:
        verify(found)
    except UserError as error:
        raise UserError(f"{folder}: {error}") from None
    arrays = {"images": found.images, "labels": found.labels, "official": found.official}
    facts = {
        "dataset": job.cell["dataset"],
        "class_names": found.class_names,
        "max_value": found.max_value,
    }
    if "contents" in job.reads:  # for whoever has the images alone
        facts["contents"] = job.reads["contents"]
    artifacts.write_arrays(job.output, arrays, job.key, **facts)
    return {"images": len(found.labels)}

"""Stage ``download``: a data set as one verified array of images."""

from typing import TYPE_CHECKING, Any

from taet.data.imageset import check_image_set
from taet.errors import UserError
from taet.study.params import plugins
from taet.study.store import artifacts

if TYPE_CHECKING:
    from taet.study.plan.job import Job


def run(job: "Job") -> dict[str, Any]:
    """Write all images of the job's data set; see ``taet.data.imageset.ImageSet``."""
    options, folder = job.reads["dataset"], job.output.parent
    plugin = plugins.load("datasets", options.kind)
    image_set = plugin.obtain(folder, options, job.reads["download"].mirror)
    try:
        check_image_set(image_set)
    except UserError as error:
        raise UserError(f"{folder}: {error}") from None
    arrays = {
        "images": image_set.images,
        "labels": image_set.labels,
        "official": image_set.official,
    }
    facts = {
        "dataset": job.cell["dataset"],
        "class_names": image_set.class_names,
        "max_value": image_set.max_value,
    }
    if "contents" in job.reads:  # for readers of this file alone
        facts["contents"] = job.reads["contents"]
    artifacts.write_arrays(job.output, arrays, job.key, **facts)
    return {"images": len(image_set.labels)}

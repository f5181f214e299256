"""Stage ``equalize``: a method trained to its last epoch.

The file holds the weights of one or two checkpoints: ``last/...`` and, where training was validated,
``best/...``. Its header has ``network``, from which the network is built; ``history``, the numbers of each
epoch; and ``checkpoints``, with the ``epoch`` of each (how many it was trained for), its ``inference``
(``scale`` and ``bias`` of ``taet.networks.network.Adjusted``, or null) and, with logit adjustment, its
``tau``.
"""

from functools import partial
from typing import TYPE_CHECKING, Any

from torch import Tensor

from taet.data.loader import to_pixels
from taet.data.split_images import SplitImages, read_data
from taet.errors import UserError
from taet.networks.network import BEST, LAST, Arrays, model_arrays
from taet.study.run.resume import finish
from taet.training.addons import adjusted_inference, inference_of
from taet.training.averages import weights_to_save
from taet.training.loop import Run
from taet.training.train_job import train_job
from taet.training.validation import best_bias

if TYPE_CHECKING:
    from taet.study.plan.job import Job


def run(job: "Job") -> dict[str, Any]:
    """Write the last weights, or their average, and the best ones if training was validated."""
    data = read_data(job, "train", "validation")
    trained, facts, record = train_job(job, data)
    checkpoints = {LAST: (trained.epoch, weights_to_save(trained.model, trained.averager))}
    if trained.best is not None:
        checkpoints[BEST] = (trained.best.epoch, trained.best.weights)
    arrays: Arrays = {}
    header: dict[str, Any] = {
        "network": facts["network"],
        "history": facts["history"],
        "checkpoints": {},
    }
    for name, (epoch, weights) in checkpoints.items():
        arrays |= model_arrays(weights, f"{name}/")
        choose = partial(_choose, trained, weights, data, job)
        own, options = trained.method.inference(), job.reads["method"].logit_adjustment
        tau, inference = adjusted_inference(own, options, data.train_counts, choose)
        header["checkpoints"][name] = {"epoch": epoch, "inference": inference}
        if tau is not None:
            header["checkpoints"][name]["tau"] = tau
    finish(job, arrays, header)
    return record


def _choose(
    trained: Run,
    weights: dict[str, Tensor],
    data: SplitImages,
    job: "Job",
    biases: list[list[float]],
) -> int:
    """Index of the bias with which a checkpoint's weights are best on the validation images."""
    y = data.labels["validation"]
    if len(y) == 0:
        raise UserError(
            "logit_adjustment.tau: several values, but no validation images to choose with; set "
            "longtail.validation_share above 0 or longtail.validation_per_class, or give one value"
        )
    device = trained.device
    x = to_pixels(data.images["validation"].to(device), data.max_value)
    own = trained.method.inference()
    inferences = [inference_of(own, bias, data.classes) for bias in biases]
    trained.model.load_state_dict(weights)
    return best_bias(trained.model, inferences, x, y.to(device), job.reads["training"].batch_size)

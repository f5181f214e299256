"""Stage ``equalize``: a method trained to its last epoch.

The file holds the weights of one or two checkpoints: ``last/...`` and, where training was validated,
``best/...``. Its header has ``network``, from which the network is built; ``history``, the numbers of each
epoch; and ``checkpoints``, with the ``epoch`` of each (how many it was trained for) and its ``inference``
(``scale`` and ``bias`` of ``taet.networks.network.Adjusted``, or null).
"""

from functools import partial
from typing import TYPE_CHECKING, Any

from torch import Tensor

from taet.data.loader import to_pixels
from taet.data.split import Data, read_data
from taet.errors import UserError
from taet.networks.network import BEST, LAST, Arrays, model_arrays
from taet.study.run.resume import finish
from taet.training.addons import inference_of, logit_adjustment, weights_to_save
from taet.training.begin import train_job
from taet.training.loop import Run
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
        inference = _inference(trained, weights, data, job)
        header["checkpoints"][name] = {"epoch": epoch, **inference}
    finish(job, arrays, header)
    return record


def _inference(trained: Run, weights: dict[str, Tensor], data: Data, job: "Job") -> dict[str, Any]:
    """``inference`` of a checkpoint's weights and, with logit adjustment, the ``tau`` that was chosen."""
    own, options = trained.method.inference(), job.reads["method"].logit_adjustment
    if options is None:
        return {"inference": own}
    trained.model.load_state_dict(weights)
    choose = partial(_choose, trained, own, data, job)
    tau, bias = logit_adjustment(options, data.class_counts, choose)
    return {"inference": inference_of(own, bias, data.classes), "tau": tau}


def _choose(
    trained: Run,
    own: dict[str, Any] | None,
    data: Data,
    job: "Job",
    biases: list[list[float]],
) -> int:
    """Index of the bias that is best on the validation images."""
    y = data.labels["validation"]
    if len(y) == 0:
        raise UserError(
            "logit_adjustment.tau: several values, but no validation images to choose with; set "
            "longtail.validation_share above 0 or longtail.validation_per_class, or give one value"
        )
    device = trained.device
    x = to_pixels(data.images["validation"].to(device), data.max_value)
    inferences = [inference_of(own, bias, data.classes) for bias in biases]
    return best_bias(trained.model, inferences, x, y.to(device), job.reads["training"].batch_size)

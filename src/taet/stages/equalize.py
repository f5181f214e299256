"""Stage ``equalize``: a method trained to its end."""

from functools import partial
from typing import TYPE_CHECKING, Any

from taet.addons import adjustment, averaged, inference_of
from taet.errors import UserError
from taet.loader import to_pixels
from taet.networks import Adjusted, Network, model_arrays, predict
from taet.stages._data import Data, read_data
from taet.stages._resume import finish
from taet.stages._training import train_job

if TYPE_CHECKING:
    from taet.jobs import Job


def run(job: "Job") -> dict[str, Any]:
    """Write the last weights, or their average, and what the saved model does with its outputs."""
    data = read_data(job, "train", "validation")
    trained, facts, record = train_job(job, data)
    weights = averaged(trained.model, trained.averager)
    trained.model.load_state_dict(weights)
    own, options = trained.method.inference(), job.reads["method"].logit_adjustment
    bias = None
    if options is not None:
        choose = partial(_best_on_validation, trained.model, own, data, job)
        facts["tau"], bias = adjustment(options, data.class_counts, choose)
    facts["inference"] = inference_of(own, bias, data.classes)
    finish(job, model_arrays(weights), facts)
    return record


def _best_on_validation(
    model: Network,
    own: dict[str, Any] | None,
    data: Data,
    job: "Job",
    biases: list[list[float]],
) -> int:
    """Which bias gives the best balanced accuracy on the clean validation images; ties: the first."""
    y = data.labels["validation"]
    if len(y) == 0:
        raise UserError(
            "logit_adjustment.tau: several values, but no validation images to choose with; set "
            "longtail.validation_share above 0, or give one value"
        )
    x = to_pixels(data.images["validation"], data.max_value)
    images = y.bincount(minlength=data.classes)
    scores = []
    for bias in biases:
        adjusted = Adjusted(model.eval(), **(inference_of(own, bias, data.classes) or {}))
        correct = predict(adjusted, x, job.reads["training"].batch_size) == y
        hits = y[correct].bincount(minlength=data.classes)
        scores.append((hits / images)[images > 0].mean().item())
    return max(range(len(scores)), key=scores.__getitem__)

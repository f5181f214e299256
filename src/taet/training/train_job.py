"""Training jobs, for the stages ``stabilize`` and ``equalize``: a method trained from one epoch to another.

Runs save themselves between epochs; see ``taet.study.run.resume``.
"""

from functools import partial
from typing import TYPE_CHECKING, Any

from taet.compute.devices import device_facts, set_up_device
from taet.data.loader import Loader, to_pixels
from taet.data.split_images import SplitImages
from taet.errors import UserError
from taet.networks.network import build_model, describe_network
from taet.study.params import plugins
from taet.study.run.processes import team
from taet.study.run.progress import Progress
from taet.study.run.resume import ResumeFile, resume_file
from taet.study.store import artifacts
from taet.training.addons import WeightPerturber, adjusted_inference
from taet.training.averages import make_averager
from taet.training.checkpoint import restore_run, run_arrays, run_facts, start_from_stabilization
from taet.training.loop import Run, train
from taet.training.method import TrainingContext, TrainingMethod
from taet.training.optimizers import make_optimizer
from taet.training.parallel import share_out
from taet.training.validation import Validator

if TYPE_CHECKING:
    import torch

    from taet.options import ModelOptions
    from taet.study.plan.job import Job


def train_job(job: "Job", data: SplitImages) -> tuple[Run, dict[str, Any], dict[str, Any]]:
    """Train the job's method, from the last saved epoch if there is one, or else from stage 1.

    Returns:
        The run at the epoch where the job stops, the header of its checkpoint, and facts for the record.
    """
    device = set_up_device(job.reads["compute"])
    training = job.reads["training"]
    method = _method(job, data, device)
    network = _describe(job.reads["architecture"], data, method.head)
    run = _new_run(job, method, network, device)
    validate = _validator(job, data, run)
    loader = Loader(
        data.pop_images("train"),
        data.labels["train"],
        data.max_value,
        training.batch_size,
        training.drop_last,
        job.cell["seed"],
        training.augmentation,
        device,
    )

    resume = resume_file(job)
    artifacts.check_writable(resume.path.parent)
    _restore(run, job, resume)
    resumed_at = run.epoch if resume.resumed else None
    _share_out(run, job)
    if team().first:
        _train_and_save(run, job, loader, validate, resume)
    else:
        train(run, loader, training, job.reads["stop"], validate=validate)
    facts = {"network": network, **run_facts(run)}
    record = {**device_facts(device), "processes": team().count, "resumed_at_epoch": resumed_at}
    return run, facts, record


def _train_and_save(
    run: Run, job: "Job", loader: Loader, validate: Validator | None, resume: ResumeFile
) -> None:
    stop = job.reads["stop"]
    with Progress(job.title, stop, "epochs", done=run.epoch) as progress:

        def after_epoch(run: Run) -> None:
            resume.save(lambda: (run_arrays(run), run_facts(run)))
            progress.step(1, _summary(run.history[-1]))

        train(run, loader, job.reads["training"], stop, after_epoch, validate)


def _share_out(run: Run, job: "Job") -> None:
    """If the job has several processes, let them train one network together."""
    if team().count > 1:
        share_out(run.model, job.reads["compute"].sync_batch_norm)


def _summary(epoch: dict[str, float]) -> str:
    """An epoch's numbers, as the progress bar shows them."""
    numbers = [f"loss {epoch['loss']:.4f}"]
    for name, word in (("validation_accuracy", "clean"), ("validation_robustness", "robust")):
        if name in epoch:
            numbers.append(f"{word} {100 * epoch[name]:.1f}%")
    return ", ".join(numbers)


def _validator(job: "Job", data: SplitImages, run: Run) -> Validator | None:
    """Measures the network between epochs, if the parameters ask for it."""
    training = job.reads["training"]
    if training.validation is None:
        return None
    y = data.labels["validation"]
    if len(y) == 0:
        raise UserError(
            "training.validation: there are no validation images; set longtail.validation_share or "
            "longtail.validation_per_class, or set training.validation to null"
        )
    return Validator(
        run.model,
        _inference(job, data, run),
        to_pixels(data.images["validation"].to(run.device), data.max_value),
        y.to(run.device),
        training.validation,
        job.reads["threat"].eps,
        training.batch_size,
        job.cell["seed"],
    )


def _inference(job: "Job", data: SplitImages, run: Run) -> dict[str, Any] | None:
    """How the saved network's outputs will be adjusted; see ``taet.networks.network.Adjusted``."""
    options = job.reads["method"].logit_adjustment
    # Where several tau are given, training is not validated (taet.study.params.rules).
    _, inference = adjusted_inference(
        run.method.inference(), options, data.train_counts, choose=lambda biases: 0
    )
    return inference


def _method(job: "Job", data: SplitImages, device: "torch.device") -> TrainingMethod:
    options, attack = job.reads["method"], job.reads["training"].attack
    context = TrainingContext(
        train_counts=data.train_counts.to(device),
        eps=job.reads["threat"].eps if attack.eps is None else attack.eps,
        attack=attack,
        epochs=job.reads["training"].epochs,
        channels=data.channels,
        seed=job.cell["seed"],
    )
    method: TrainingMethod = plugins.load("methods", options.kind).Method(options, context)
    return method


def _describe(
    architecture: "ModelOptions", data: SplitImages, head: dict[str, Any]
) -> dict[str, Any]:
    normalized = architecture.normalization == "per_channel"
    pixels = data.pixel_statistics() if normalized else None
    return describe_network(architecture, data.channels, data.size, data.classes, pixels, head)


def _new_run(
    job: "Job", method: TrainingMethod, network: dict[str, Any], device: "torch.device"
) -> Run:
    model = build_model(network, seed=job.cell["seed"]).to(device)
    perturbation, average = method.options.weight_perturbation, method.options.weight_average
    return Run(
        model,
        make_optimizer(model.parameters(), job.reads["training"].optimizer),
        method,
        perturber=WeightPerturber(perturbation) if perturbation else None,
        averager=make_averager(average),
    )


def _restore(run: Run, job: "Job", resume: ResumeFile) -> None:
    """Bring a new run to the last saved epoch or, without one, to the end of stage 1, if it has one."""
    resume.restore(partial(restore_run, run))
    if not resume.resumed and "stage1" in job.inputs:
        stabilization = job.inputs["stage1"]
        restore = restore_run if job.stage == "stabilize" else start_from_stabilization
        restore(run, *artifacts.read_arrays(stabilization.output, stabilization.key))

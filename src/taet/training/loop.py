"""Training: the one loop of all methods, from any epoch to any other.

Stage 1, stage 2 and a run that is resumed are the same call with other first and last epochs: learning
rate, batch order and noise depend on the epoch alone, and everything else is in ``Run``.
"""

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from taet.compute.devices import bfloat16
from taet.data.loader import Loader
from taet.errors import UserError
from taet.networks.network import Network
from taet.seeds import seed_for
from taet.training.addons import WeightPerturber
from taet.training.averages import WeightAverager, weights_to_save
from taet.training.method import Batch, TrainingMethod
from taet.training.optimizers import Optimizer
from taet.training.schedules import rate_factor

if TYPE_CHECKING:
    from taet.training_options import Training

# Weights and buffers -> ``validation_accuracy`` and ``validation_robustness``; see
# ``taet.training.validation``.
Validate = Callable[[dict[str, Tensor]], dict[str, float]]


@dataclass(frozen=True)
class Best:
    """The weights with the highest balanced robustness on the validation images.

    Attributes:
        epoch: how many epochs they were trained for.
        robustness: their balanced robustness.
        weights: weights and buffers, by name.
    """

    epoch: int
    robustness: float
    weights: dict[str, Tensor]


@dataclass
class Run:
    """A training run between two epochs.

    Attributes:
        model: the network.
        optimizer: with its state, such as momentum.
        method: with its state.
        perturber: perturbs the weights while the loss is computed; None for not.
        averager: averages the weights; None for not.
        epoch: the next epoch, 0-based.
        history: of each finished epoch: loss (mean over its steps), last learning rate, and what ``validate``
            returned.
        best: the best weights so far; None before the first validation.
    """

    model: Network
    optimizer: Optimizer
    method: TrainingMethod
    perturber: WeightPerturber | None = None
    averager: WeightAverager | None = None
    epoch: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    best: Best | None = None

    @property
    def device(self) -> torch.device:
        """The device of the network."""
        return next(self.model.parameters()).device


def train(
    run: Run,
    loader: Loader,
    training: "Training",
    stop: int,
    after_epoch: Callable[[Run], None] = lambda run: None,
    validate: Validate | None = None,
) -> None:
    """Train ``run`` in place until epoch ``stop`` (exclusive).

    Args:
        loader: training images; its seed also fixes the attack noise.
        training: epochs of the whole run, learning rate, schedule.
        stop: first epoch that is not trained; stage 1 stops before ``training.epochs``.
        after_epoch: called with the run after each epoch, to save it and show progress.
        validate: measures the weights that would be saved; how often is in ``training.validation``.

    Raises:
        UserError: loss or weights became infinite or NaN, or there is no full batch.
    """
    _check_batches(loader, training)
    while run.epoch < stop:
        loss, rate = _epoch(run, loader, training)
        _check_finite(run, loss)
        if run.averager is not None:
            run.averager.after_epoch(run.model, run.epoch)
        run.epoch += 1
        run.history.append({"loss": loss, "learning_rate": rate})
        if validate is not None and _is_due(training, run.epoch, stop):
            _validate(run, validate)
        after_epoch(run)


def _check_batches(loader: Loader, training: "Training") -> None:
    if len(loader) == 0:
        raise UserError(
            f"no batch of {training.batch_size} in {len(loader.labels)} training images; "
            "lower training.batch_size or set training.drop_last to false"
        )
    if not loader.drop_last and len(loader.labels) % training.batch_size == 1:
        raise UserError(
            f"the last of the batches of {training.batch_size} has one image, of which batch norm can take "
            "no statistics; change training.batch_size or set training.drop_last"
        )


def _epoch(run: Run, loader: Loader, training: "Training") -> tuple[float, float]:
    """Train one epoch; returns its loss, the mean over its steps, and the learning rate of its last step."""
    steps = len(loader) * training.epochs
    noise = torch.Generator(loader.device)
    noise.manual_seed(seed_for("noise", loader.seed, run.epoch))
    run.method.start_epoch(run.epoch)
    run.method.constrain(run.model)
    losses = []
    for i, (x, y) in enumerate(loader.batches(run.epoch)):
        step = run.epoch * len(loader) + i
        factor = rate_factor(training.schedule, step, steps, run.epoch)
        rate = training.optimizer.learning_rate * factor
        losses.append(_step(run, Batch(x, y, noise, run.epoch), rate, training.precision))
    return sum(torch.stack(losses).tolist()) / len(losses), rate


def _step(run: Run, batch: Batch, rate: float, precision: str) -> Tensor:
    """Attack a batch and take one step on it; returns the loss, a scalar on the device.

    Nothing here reads a number from the device, which would make the processor wait for the GPU. Some
    methods do (LAS-AT, REAT, and TAET where it skips absent classes).
    """
    model, method, device = run.model, run.method, batch.x.device.type
    with bfloat16(device, precision != "fp32"):
        attacked = method.attack(model.train(), batch)

    def batch_loss() -> Tensor:
        with bfloat16(device, precision == "bf16"):
            return method.loss(model, batch, attacked)

    with _perturbed(run, batch_loss, batch.epoch):
        loss = batch_loss()
        run.optimizer.clear_gradients()
        loss.backward()
        run.optimizer.step(rate)
    method.constrain(model)
    if run.averager is not None:
        run.averager.after_step(model)
    method.after_step(model, batch, attacked, rate)
    return loss.detach()


def _is_due(training: "Training", epoch: int, stop: int) -> bool:
    assert training.validation is not None  # ``validate`` is made from it
    return epoch % training.validation.every == 0 or epoch == stop


def _validate(run: Run, validate: Validate) -> None:
    """Measure the weights after an epoch, and copy them if they are the best so far."""
    weights = weights_to_save(run.model, run.averager)
    measured = validate(weights)
    run.history[-1] |= measured
    robustness = measured["validation_robustness"]
    if run.best is None or robustness > run.best.robustness:
        copies = {name: value.detach().clone() for name, value in weights.items()}
        run.best = Best(run.epoch, robustness, copies)


def _check_finite(run: Run, loss: float) -> None:
    """Raise an error if the run has diverged; the epoch's last step can do so after a finite loss."""
    if not math.isfinite(loss):
        raise _diverged(f"the loss in epoch {run.epoch + 1} is {loss}")
    for name, value in run.model.state_dict().items():
        if not torch.isfinite(value).all():
            raise _diverged(f"{name} is not finite after epoch {run.epoch + 1}")


def _diverged(what: str) -> UserError:
    return UserError(f"training diverged: {what}; lower training.optimizer.learning_rate")


def _perturbed(run: Run, loss: Callable[[], Tensor], epoch: int) -> AbstractContextManager[None]:
    return nullcontext() if run.perturber is None else run.perturber(run.model, loss, epoch)

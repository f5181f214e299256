"""Training: the one loop of all methods, from any epoch to any other.

Stage 1, stage 2 and a run that goes on after a crash are the same call with other first and last
epochs: learning rate, batch order and noise depend on the epoch alone, and everything else is in
``Run``.
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
from taet.training.addons import WeightAverager, WeightPerturber, averaged
from taet.training.method import Batch, TrainingMethod
from taet.training.optimizers import Optimizer
from taet.training.schedules import rate_factor

if TYPE_CHECKING:
    from taet.recipes import Training

# Weights and buffers -> ``validation_accuracy`` and ``validation_robustness``; see
# ``taet.training.validation``.
Validate = Callable[[dict[str, Tensor]], dict[str, float]]


@dataclass(frozen=True)
class Best:
    """The weights that did best on the validation images.

    Attributes:
        epoch: 1-based: trained for so many epochs.
        robustness: their balanced robustness there.
        weights: and buffers, by name.
    """

    epoch: int
    robustness: float
    weights: dict[str, Tensor]


@dataclass
class Run:
    """A training run between two epochs.

    Attributes:
        model: the network.
        optimizer: holds its own state (momentum and the like).
        method: holds its own state too.
        perturber: moves the weights while the loss is taken, if at all.
        averager: averages the weights, if at all.
        epoch: the next epoch, 0-based.
        history: per finished epoch: mean loss, last learning rate, and what ``validate`` said.
        best: of the epochs so far, by what ``validate`` said.
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
        """Where the network lies."""
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
    steps = len(loader) * training.epochs
    if steps == 0:
        raise UserError(
            f"no batch of {training.batch_size} in {len(loader.labels)} training images; "
            "lower training.batch_size or set training.drop_last to false"
        )
    if not loader.drop_last and len(loader.labels) % training.batch_size == 1:
        raise UserError(
            f"the last of the batches of {training.batch_size} has one image, of which batch norm can take "
            "no statistics; change training.batch_size or set training.drop_last"
        )
    while run.epoch < stop:
        noise = torch.Generator(loader.device)
        noise.manual_seed(seed_for("noise", loader.seed, run.epoch))
        run.method.start_epoch(run.epoch)
        run.method.constrain(run.model)
        losses = []
        for i, (x, y) in enumerate(loader.epoch(run.epoch)):
            step = run.epoch * len(loader) + i
            factor = rate_factor(training.schedule, step, steps, run.epoch)
            rate = training.optimizer.learning_rate * factor
            losses.append(_step(run, Batch(x, y, noise, run.epoch), rate, training.precision))
        loss = sum(torch.stack(losses).tolist()) / len(losses)
        _check_finite(run, loss)
        run.epoch += 1
        run.history.append({"loss": loss, "learning_rate": rate})
        if validate is not None and _is_due(training, run.epoch, stop):
            _validate(run, validate)
        after_epoch(run)


def _step(run: Run, batch: Batch, rate: float, precision: str) -> Tensor:
    """Attack, loss, and one move of the weights; the loss, a scalar that stays on the device.

    Nothing here asks the device for a number, so that a GPU need not wait for the processor; some methods
    do (LAS-AT, REAT, TAET that skips absent classes).
    """
    model, method, device = run.model, run.method, batch.x.device.type
    with bfloat16(device, precision != "fp32"):
        attacked = method.attack(model.train(), batch)

    def taken() -> Tensor:
        with bfloat16(device, precision == "bf16"):
            return method.loss(model, batch, attacked)

    with _perturbed(run, taken, batch.epoch):
        loss = taken()
        run.optimizer.clear_gradients()
        loss.backward()
        run.optimizer.step(rate)
    method.constrain(model)
    if run.averager is not None:
        run.averager.update(model)
    method.after_step(model, batch, attacked, rate)
    return loss.detach()


def _is_due(training: "Training", epoch: int, stop: int) -> bool:
    assert training.validation is not None  # whoever gives ``validate`` has it from there
    return epoch % training.validation.every == 0 or epoch == stop


def _validate(run: Run, validate: Validate) -> None:
    """Measure the weights after an epoch, and keep them if none before were as good."""
    weights = averaged(run.model, run.averager)
    measured = validate(weights)
    run.history[-1] |= measured
    robustness = measured["validation_robustness"]
    if run.best is None or robustness > run.best.robustness:
        kept = {name: value.detach().clone() for name, value in weights.items()}
        run.best = Best(run.epoch, robustness, kept)


def _check_finite(run: Run, loss: float) -> None:
    """The last move of an epoch may have been the one too far, with a loss that was still finite."""
    if not math.isfinite(loss):
        raise _diverged(f"the loss in epoch {run.epoch + 1} is {loss}")
    for name, value in run.model.state_dict().items():
        if not torch.isfinite(value).all():
            raise _diverged(f"{name} is not finite after epoch {run.epoch + 1}")


def _diverged(what: str) -> UserError:
    return UserError(f"training diverged: {what}; lower training.optimizer.learning_rate")


def _perturbed(run: Run, loss: Callable[[], Tensor], epoch: int) -> AbstractContextManager[None]:
    return nullcontext() if run.perturber is None else run.perturber(run.model, loss, epoch)

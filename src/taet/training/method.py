"""The interface of a training method, and the values that it receives."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from taet.adversary.pgd import Objective, Watch, pgd, start_point
from taet.compute.graphs import Recorder
from taet.errors import UserError
from taet.losses import cross_entropy
from taet.networks.heads import LINEAR
from taet.networks.network import Network
from taet.training.addons import class_radii, radius_ramp

if TYPE_CHECKING:
    from taet.options import MethodOptions
    from taet.training_options import TrainingAttack


@dataclass(frozen=True)
class Batch:
    """Training images of one step.

    Attributes:
        x: [B, C, H, W] float32 clean images in [0,1], augmented.
        y: [B] int64 labels.
        noise: generator of this epoch's attack noise, on the device of the images.
        epoch: 0-based.
    """

    x: Tensor
    y: Tensor
    noise: torch.Generator
    epoch: int

    def draw(self, sample: Callable[..., Tensor]) -> Tensor:
        """Noise of the images' shape, by ``torch.rand`` or ``torch.randn``."""
        return sample(self.x.shape, generator=self.noise, device=self.x.device)


@dataclass(frozen=True)
class Attacked:
    """The result of the inner maximisation.

    Attributes:
        x: [B, C, H, W] images to train on.
        extras: further values for the method's ``loss`` and ``after_step``, by name.
    """

    x: Tensor
    extras: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class TrainingContext:
    """What a method may know about the run.

    Attributes:
        train_counts: [C] int64, training images per class.
        eps: radius of the training attack's L-inf ball.
        attack: steps, step size, start and batch-norm mode of the training attack.
        epochs: of the whole run, stage 1 included.
        channels: of an image.
        seed: of the run.

    Tensors that a method makes must be on the device of ``train_counts``.
    """

    train_counts: Tensor
    eps: float
    attack: "TrainingAttack"
    epochs: int
    channels: int
    seed: int


class TrainingMethod:
    """Base of all methods: a subclass defines its attack and its loss.

    Each step calls ``attack``, then ``loss``, then ``after_step``. ``loss`` must not change the method's
    state, since weight perturbation calls it twice, but may write to ``attacked.extras``.
    """

    def __init__(self, options: "MethodOptions", context: TrainingContext) -> None:
        self.options = options
        self.context = context
        counts = context.train_counts
        if counts.min() < 1:
            raise UserError(
                f"class {int(counts.argmin())} has no training image; every method needs one of each class"
            )
        self.log_prior = (counts / counts.sum()).log()
        radius = options.class_radius
        self.radii = None if radius is None else class_radii(radius, counts)
        self.recorder = Recorder()

    @property
    def classes(self) -> int:
        """Number of classes C."""
        return len(self.context.train_counts)

    @property
    def head(self) -> dict[str, Any]:
        """The head that the network must have; see ``taet.networks.heads``."""
        return LINEAR

    def attack(self, model: Network, batch: Batch) -> Attacked:
        """Inner maximisation; by default PGD on cross-entropy. Weights and mode stay as they are."""
        return Attacked(self.perturb(model, batch))

    def loss(self, model: Network, batch: Batch, attacked: Attacked) -> Tensor:
        """Scalar loss to be minimised; ``model`` is in train mode and must be when this returns."""
        raise NotImplementedError

    def start_epoch(self, epoch: int) -> None:
        """Called before the first step of an epoch."""

    def constrain(self, model: Network) -> None:
        """Called before an epoch and after every step: project the weights onto what the method allows."""

    def after_step(
        self, model: Network, batch: Batch, attacked: Attacked, learning_rate: float
    ) -> None:
        """Called after the optimiser's step."""

    def inference(self) -> dict[str, Any] | None:
        """``scale`` and ``bias`` [C] of the saved model's outputs, or None for the outputs themselves."""
        return None

    def state(self) -> dict[str, Tensor]:
        """The method's own state, for the checkpoint."""
        return {}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Restore what ``state()`` returned."""

    def perturb(
        self,
        model: Network,
        batch: Batch,
        objective: Objective = cross_entropy,
        target: Tensor | None = None,
        watch: Watch | None = None,
    ) -> Tensor:
        """Adversarial images for the batch, [B, C, H, W], by PGD with the parameters of the training attack.

        Args:
            objective: what to maximise. On a GPU, an objective that stays the same function in every step is
                recorded (``taet.compute.graphs``). Other values that it reads must then change in place, and
                it must not read a number from the GPU.
            target: [B, ...] second argument of the objective; the labels if None.
            watch: see ``taet.adversary.pgd.Watch``.
        """
        attack, (eps, step_size) = self.context.attack, self.budget(batch)
        start = start_point(attack.start, batch.x, self.context.eps, batch.draw)
        fixed = (model, objective, attack.steps, attack.batch_norm, watch)
        target = batch.y if target is None else target
        return self.recorder(_descend, fixed, batch.x, target, start, eps, step_size)

    def budget(self, batch: Batch) -> tuple[float | Tensor, float | Tensor]:
        """Radius and step size: numbers, or [B] where the radius depends on the class."""
        eps, step_size = self.context.eps, self.context.attack.step_size
        if self.radii is None:
            return eps, step_size
        ramp = radius_ramp(self.options.class_radius, batch.epoch, self.context.epochs)
        factor = self.radii[batch.y] * ramp
        return eps * factor, step_size * factor


def _descend(
    model: Network,
    objective: Objective,
    steps: int,
    batch_norm: str,
    watch: Watch | None,
    x: Tensor,
    y: Tensor,
    start: Tensor,
    eps: float | Tensor,
    step_size: float | Tensor,
) -> Tensor:
    """``pgd`` in the argument order of the recorder: first what stays the same in every step."""
    return pgd(
        model,
        x,
        y,
        start=start,
        objective=objective,
        eps=eps,
        step_size=step_size,
        steps=steps,
        batch_norm=batch_norm,
        watch=watch,
    )

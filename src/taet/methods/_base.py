"""What a training method is, and what it is given."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from taet.attacks._pgd import Objective, pgd, start_point
from taet.losses import cross_entropy

if TYPE_CHECKING:
    from taet.options import MethodOptions
    from taet.params import TrainingAttack


@dataclass(frozen=True)
class Batch:
    """Training images of one step.

    Attributes:
        x: [B, C, H, W] float32 clean images in [0,1], augmented.
        y: [B] int64 labels.
        noise: generator of this epoch's attack noise.
    """

    x: Tensor
    y: Tensor
    noise: torch.Generator


@dataclass(frozen=True)
class Setting:
    """What a method may know about the run.

    Attributes:
        class_counts: [C] int64, training images per class.
        eps: radius of the training attack's L-inf ball.
        attack: steps, step size and start of the training attack.
    """

    class_counts: Tensor
    eps: float
    attack: "TrainingAttack"


class TrainingMethod:
    """Base of all methods: a subclass says what its loss is."""

    def __init__(self, options: "MethodOptions", setting: Setting) -> None:
        self.options = options
        self.setting = setting

    @property
    def classes(self) -> int:
        """Number of classes C."""
        return len(self.setting.class_counts)

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Scalar loss to be minimised; ``model`` is in train mode and must be when this returns."""
        raise NotImplementedError

    def adversarial(
        self, model: nn.Module, batch: Batch, objective: Objective = cross_entropy
    ) -> Tensor:
        """Inner maximisation: adversarial images for the batch, [B, C, H, W]."""
        attack, eps = self.setting.attack, self.setting.eps
        start = start_point(
            attack.start, batch.x, eps, lambda sample: sample(batch.x.shape, generator=batch.noise)
        )
        return pgd(
            model,
            batch.x,
            batch.y,
            start=start,
            objective=objective,
            eps=eps,
            step_size=attack.step_size,
            steps=attack.steps,
            stop_when_fooled=False,
        )

    def state(self) -> dict[str, Tensor]:
        """What the method has learned so far, for the checkpoint."""
        return {}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Go on from ``state()``."""

"""What an evaluation attack is made of: parts that run one after the other on the images left standing.

An attack is a *chain* of parts. Every part is run on the images that no part before it has fooled, packed
into full batches again. Chains that begin alike share that beginning: PGD-20 is read off on the way to
PGD-100, APGD-CE + APGD-T on the way to AutoAttack. Parts are frozen data classes, so that equal ones are
recognised.
"""

from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor, nn

from taet.adversary.noise import Noise
from taet.adversary.norms import Norm
from taet.adversary.pgd import Objective, input_gradient
from taet.compute.batches import in_batches


class Part(Protocol):
    """A step of an attack that can stand alone.

    Attributes:
        title: its name, for progress and tables.
        norm: of the perturbation.
        bounded: whether the perturbation must stay within eps.
        goes_on: whether it begins where the part before it has ended, not at the clean image.
    """

    @property
    def title(self) -> str: ...
    @property
    def norm(self) -> Norm: ...
    @property
    def bounded(self) -> bool: ...
    @property
    def goes_on(self) -> bool: ...

    def run(self, target: "Target") -> Tensor:
        """Adversarial images, [B, C, H, W]; where none was found, any image that obeys the rules."""


@dataclass(frozen=True)
class Target:
    """Images under attack, more of them than fit into one batch.

    Attributes:
        model: takes images in [0,1], gives logits; in eval mode.
        x: [B, C, H, W] float32 clean images in [0,1], all classified correctly.
        y: [B] int64 labels.
        eps: radius of the ball, in the norm of the part.
        noise: random numbers, the same for an image however the batches are cut.
        batch_size: images per pass through the model.
        iterate: where the part before has ended; the clean images for the first one.
    """

    model: nn.Module
    x: Tensor
    y: Tensor
    eps: float
    noise: Noise
    batch_size: int
    iterate: Tensor

    def rows(self, rows: Tensor) -> "Target":
        """The same for some of the images; ``rows`` are indices or a mask."""
        return replace(
            self,
            x=self.x[rows],
            y=self.y[rows],
            noise=self.noise.rows(rows),
            iterate=self.iterate[rows],
        )

    @torch.no_grad()
    def logits(self, x: Tensor) -> Tensor:
        """Logits at some images, [B, C]."""
        return torch.cat(in_batches(self.model, self.batch_size, x))

    def gradient(self, x: Tensor, y: Tensor, objective: Objective) -> tuple[Tensor, Tensor]:
        """Gradient of each image's objective with respect to it, and logits."""
        return input_gradient(self.model, x, y, objective, self.batch_size)

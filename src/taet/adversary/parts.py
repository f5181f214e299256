"""The parts of an evaluation attack, and the images that they attack.

An attack is a *chain* of parts. Each part attacks only the images that are still robust, which no part before
it has fooled; batches are refilled. Chains that begin alike share that beginning: PGD-100 gives PGD-20 on the
way, and AutoAttack gives APGD-CE + APGD-T. Parts are frozen data classes, so that equal ones are recognised.
"""

from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor, nn

from taet.adversary.noise import Noise
from taet.adversary.norms import Norm
from taet.adversary.pgd import Objective, input_gradient, mean_over_passes
from taet.compute.batches import in_batches


class Part(Protocol):
    """One part of an attack.

    Attributes:
        title: its name, for progress and tables.
        norm: of the perturbation.
        bounded: whether the perturbation must stay within eps.
        continues: whether it begins at the last iterate of the part before it, not at the clean image.
    """

    @property
    def title(self) -> str: ...
    @property
    def norm(self) -> Norm: ...
    @property
    def bounded(self) -> bool: ...
    @property
    def continues(self) -> bool: ...

    def run(self, inputs: "AttackInput") -> Tensor:
        """Adversarial images, [B, C, H, W]; of an image that stays robust, any image inside the bounds."""


@dataclass(frozen=True, kw_only=True)
class GradientPart:
    """What all parts have that follow gradients; the properties are what warnings ask of a part.

    Attributes:
        samples: passes that gradients and logits are the means of; see ``taet.adversary.pgd.input_gradient``.
            No step of the attack may follow a single pass.
    """

    samples: int = 1

    @property
    def target_rank(self) -> int:
        """Rank of the target class among the logits of the clean image, 1: runner-up; 0 without a target."""
        return 0

    @property
    def follows_dlr(self) -> bool:
        """Whether it maximises a DLR loss, which is made for four classes or more."""
        return False


@dataclass(frozen=True)
class AttackInput:
    """Images under attack; they may be more than fit into one batch.

    Attributes:
        model: takes images in [0,1], gives logits; in eval mode.
        x: [B, C, H, W] float32 clean images in [0,1], all classified correctly.
        y: [B] int64 labels.
        eps: radius of the ball, in the norm of the part.
        noise: random numbers, which do not depend on how images are batched.
        batch_size: images per pass through the model.
        iterate: last iterates of the part before; the clean images for the first part.
    """

    model: nn.Module
    x: Tensor
    y: Tensor
    eps: float
    noise: Noise
    batch_size: int
    iterate: Tensor

    def rows(self, rows: Tensor) -> "AttackInput":
        """Some of the images; ``rows`` are indices or a mask."""
        return replace(
            self,
            x=self.x[rows],
            y=self.y[rows],
            noise=self.noise.rows(rows),
            iterate=self.iterate[rows],
        )

    @torch.no_grad()
    def logits(self, x: Tensor, samples: int = 1) -> Tensor:
        """Logits at some images, [B, C]: means over ``samples`` passes."""
        (logits,) = mean_over_passes(
            lambda: [torch.cat(in_batches(self.model, self.batch_size, x))], samples
        )
        return logits

    def gradient(
        self, x: Tensor, y: Tensor, objective: Objective, samples: int
    ) -> tuple[Tensor, Tensor]:
        """Gradient of each image's objective with respect to the image, [B, C, H, W], and logits.

        Both are means over ``samples`` passes.
        """
        return input_gradient(self.model, x, y, objective, self.batch_size, samples)

"""Options of training: optimiser, schedule, training attack, validation; a method can override them."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field

from taet.values import Count, NonNegative, Options, PixelDistance, Positive, Share, Shares


class Sgd(Options):
    """Stochastic gradient descent."""

    kind: Literal["sgd"]
    learning_rate: Positive
    momentum: Share
    weight_decay: NonNegative


class Adam(Options):
    """Adam with torch's default betas."""

    kind: Literal["adam"]
    learning_rate: Positive
    weight_decay: NonNegative


class Schedule(Options):
    """The learning rate over a training; ``taet.training.schedules`` has the numbers of each kind."""

    @property
    def fewest_epochs(self) -> int:
        """In which the learning rate takes all its steps."""
        return 1

    def shortened(self) -> dict[str, Any]:
        """The options that differ in a training of ``fewest_epochs`` epochs or more."""
        return {}

    def problems(self, epochs: int) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Options that do not fit together or into ``epochs``: the place in the block, and what is wrong."""
        yield from ()


class Multistep(Schedule):
    """The learning rate is multiplied by ``factor`` when an epoch of ``milestones`` (0-based) begins."""

    kind: Literal["multistep"]
    milestones: list[Count]
    factor: Shares
    """One for all milestones, or one for each."""
    compounding: bool
    """Multiply again in *every* epoch from a milestone on: RoBal's code, which all but stops training two
    epochs after the first milestone."""

    @property
    def fewest_epochs(self) -> int:
        return 1 + len(self.milestones)

    def shortened(self) -> dict[str, Any]:
        return {"milestones": list(range(1, self.fewest_epochs))}

    def problems(self, epochs: int) -> Iterator[tuple[tuple[str | int, ...], str]]:
        factors, milestones = self.factor, self.milestones
        if isinstance(factors, list) and len(factors) != len(milestones):
            yield (
                ("factor",),
                f"{len(factors)} factors for {len(milestones)} milestones; give one for each",
            )
        for i, milestone in enumerate(milestones):
            place = ("milestones", i)
            if milestone >= epochs:
                yield place, f"{milestone} is never reached; must be below the number of epochs"
            if i and milestone <= milestones[i - 1]:
                yield place, f"{milestone} must be above the one before, {milestones[i - 1]}"


class Cosine(Schedule):
    """Linear warm-up, then half a cosine to zero."""

    kind: Literal["cosine"]
    warmup: Share
    """Share of all steps that the warm-up takes."""


class TrainingAttack(Options):
    """Inner maximisation of all methods: PGD on the sign of the gradient."""

    steps: Count
    step_size: PixelDistance
    eps: PixelDistance | None
    """Radius in training; null for that of ``threat``."""
    start: Literal["zero", "gauss", "uniform", "one_sided"]
    """``gauss``: 0.001 * N(0,1), not clipped (TRADES family); ``uniform``: U(-eps, eps), clipped;
    ``one_sided``: U(0, eps), not clipped (RoBal's code)."""
    batch_norm: Literal["eval", "train", "train_no_track"]
    """Statistics during the attack: ``eval``: the running ones; ``train``: those of the batch, which update
    the running ones too (Rice et al. 2020); ``train_no_track``: those of the batch, without an update
    (RobustLT)."""


class Validation(Options):
    """PGD on the validation images after an epoch, from a uniform start, for the learning curve and to say
    which weights are best."""

    steps: Count
    step_size: PixelDistance
    every: Count
    """After every so many epochs, and after the last."""


class Training(Options):
    """Outer minimisation; the same for all methods, except where a method's own ``training`` overrides it."""

    epochs: Count
    """Number of epochs, stage 1 included."""
    batch_size: Count
    drop_last: bool
    """Leave out the last, smaller batch of an epoch."""
    augmentation: Literal["none", "crop_flip", "auto_augment", "rand_augment", "trivial_augment"]
    """How training images are augmented before they are attacked; see ``taet.data.augment``."""
    optimizer: Annotated[Sgd | Adam, Field(discriminator="kind")]
    schedule: Annotated[Multistep | Cosine, Field(discriminator="kind")]
    attack: TrainingAttack
    precision: Literal["fp32", "attack_bf16", "bf16"]
    """``attack_bf16``: the training attack in bfloat16, the update in float32; ``bf16``: both in bfloat16,
    with weights and losses in float32."""
    validation: Validation | None
    """Measure every network on the validation images while it trains; null for not. Its best weights are
    saved beside the last (``grid.checkpoints``)."""

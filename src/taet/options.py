"""Types for the blocks of params.yaml: what a value may be, said once.

Every plugin (method, attack, data set, architecture) declares its parameters in a class
``Options`` built from this vocabulary. No class here carries a default number: numbers live in
params.yaml.
"""

import re
from fractions import Fraction
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
)

from taet.decimals import RULE, is_decimal
from taet.errors import counted

__all__ = [
    "AttackOptions",
    "Count",
    "DatasetOptions",
    "Field",
    "Label",
    "MethodOptions",
    "ModelOptions",
    "Name",
    "NonNegative",
    "Number",
    "Options",
    "PixelDistance",
    "Positive",
    "Share",
    "Shares",
    "Whole",
    "unused_attack_options",
]


def parse_number(value: Any) -> Any:
    """Turn ``"8/255"`` and ``"4e-3"`` (text in YAML 1.1) into a float; leave the rest alone.

    Raises:
        ValueError: the text is no number or fraction.
    """
    if not isinstance(value, str):
        return value
    try:
        numerator, *denominators = map(_decimal, value.split("/", 1))
        if not denominators:
            return float(numerator)
        if denominators[0] <= 0:
            raise ValueError("no such fraction")
        return float(numerator / denominators[0])
    except (ValueError, OverflowError):
        raise ValueError(f"must be a number or a fraction such as 8/255, in {RULE}") from None


def _decimal(text: str) -> Fraction:
    if not is_decimal(text.strip()):
        raise ValueError("not in plain decimals")
    return Fraction(text)


Number = Annotated[float, BeforeValidator(parse_number)]
Positive = Annotated[Number, Field(gt=0)]
NonNegative = Annotated[Number, Field(ge=0)]
Share = Annotated[Number, Field(ge=0, le=1)]
PixelDistance = Annotated[
    Number, Field(gt=0, lt=1, description="in units of the [0,1] pixel range")
]


def _one_or_several(value: Any) -> str:
    return "several" if isinstance(value, list) else "one"


# Told apart by being a list, so that a wrong value is one problem and not one for each alternative.
one_or_several = Discriminator(_one_or_several)
Shares = Annotated[
    Annotated[Share, Tag("one")] | Annotated[list[Share], Tag("several")], one_or_several
]


LAST_CHARACTER = 0xFF  # of Latin-1


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be one line of characters that can be printed")
    if text.startswith("_") or "$" in text or any(ord(c) > LAST_CHARACTER for c in text):
        raise ValueError(
            "must be of Latin letters (up to U+00FF), without $, and not begin with _: LaTeX or matplotlib "
            "would not print it as it is"
        )
    return text


Label = Annotated[str, Field(min_length=1, max_length=60), AfterValidator(_one_line)]
Whole = Annotated[int, Field(ge=0, lt=2**31)]
Count = Annotated[int, Field(ge=1, lt=2**31)]
# torch 2.14 writes beyond its memory in the gradient of a strided 1x1 convolution of 1, 2, 4 or 6 channels
# in channels-last layout, on a CPU.
ResidualWidth = Annotated[int, Field(ge=8, lt=2**31)]
# Names become parts of paths, file names of plugins and wildcards: nothing that could leave a folder.
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class Options(BaseModel):
    """A block of params.yaml: unknown keys, wrong types, NaN and infinity are refused."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    not_in_keys: ClassVar[frozenset[str]] = frozenset()
    """Fields that change no artifact, such as print; everything else is part of a job's key."""


class PluginOptions(Options):
    """What every plugin's block has."""

    not_in_keys: ClassVar[frozenset[str]] = frozenset({"label"})

    kind: Name
    """File that implements it (``methods/KIND.py`` and so on); the block's own name if left out."""
    label: Label
    """Name printed in tables and figures."""

    def problem(self) -> str | None:
        """What is wrong with the block as a whole, in one line; a plugin may say more than None."""
        return None


class DatasetOptions(PluginOptions):
    """Block of a data set."""

    # A job reads the resolved block for itself.
    not_in_keys: ClassVar[frozenset[str]] = frozenset({"label", "longtail"})

    official_validation: ClassVar[bool] = False
    """Whether the set comes with validation images of its own."""

    longtail: dict[str, Any] | None = None
    """What is different in the block ``longtail`` for this data set."""


class ModelOptions(PluginOptions):
    """Block of an architecture."""

    normalization: Literal["none", "per_channel"]
    """``per_channel``: the network's first step is (x - mean) / std, with mean and standard deviation of
    the training images' channels; eps stays in pixel space. ``none``: it sees pixels."""


class ClassRadius(Options):
    """RobustLT (Zhang et al. 2026): a larger radius for rare classes, growing from 0; see ``addons``."""

    alpha: Share
    """Share of the radius that depends on the class."""
    beta: Annotated[Share, Field(gt=0)]
    """Share of all epochs after which the radius has its full size."""


class WeightPerturbation(Options):
    """AWP (Wu et al. 2020): the loss is taken at the worst weights nearby; see ``addons``."""

    gamma: Positive
    """Norm of the perturbation of a layer, relative to the norm of its weights."""
    warmup_epochs: Whole
    """Epochs without it."""


class WeightAverage(Options):
    """Exponential moving average of the weights, which is what is saved and evaluated."""

    decay: Annotated[Share, Field(lt=1)]
    """How much of the average a step keeps, at most; fewer in the first steps."""


class LogitAdjustment(Options):
    """Post-hoc logit adjustment (Menon et al. 2021): z - tau log n is what is saved and attacked."""

    tau: Annotated[
        Annotated[NonNegative, Tag("one")] | Annotated[list[NonNegative], Tag("several")],
        one_or_several,
    ]
    """A number, or several to choose from: the one with the best balanced accuracy on the validation
    images, which need ``longtail.validation_share`` or an official validation part."""


class MethodOptions(PluginOptions):
    """Block of a training method, with the add-ons that go on any method; all may be left out."""

    # A job reads the stage 1 and the resolved training block for themselves.
    not_in_keys: ClassVar[frozenset[str]] = frozenset({"label", "stabilization", "training"})

    stabilization: Name | None = None
    """Stage 1 that the method starts from: a name under ``stabilizations``."""
    training: dict[str, Any] | None = None
    """What this method's training does differently from the common block ``training``."""
    class_radius: ClassRadius | None = None
    """RobustLT: a radius for each class in the training attack."""
    weight_perturbation: WeightPerturbation | None = None
    """AWP: adversarial weight perturbation."""
    weight_average: WeightAverage | None = None
    """Exponential moving average of the weights."""
    logit_adjustment: LogitAdjustment | None = None
    """Logits shifted by the class prior at inference."""

    loss_passes: ClassVar[int] = 1
    """Forward and backward passes of an image for the loss."""

    def attack_passes(self, steps: int) -> tuple[float, float]:
        """Forward and backward passes of an image for the training attack, on average over steps.

        Args:
            steps: K, of ``training.attack``.
        """
        return steps, steps


def unused_attack_options(options: MethodOptions, *unused: str) -> str | None:
    """What is wrong where a method's own ``training.attack`` sets what the method has no use for."""
    attack = (options.training or {}).get("attack")
    if isinstance(attack, dict) and (found := [name for name in unused if name in attack]):
        return f"training.attack.{found[0]}: has no part in this method; remove it"
    return None


class AttackOptions(PluginOptions):
    """Block of an attack."""

    job: Name
    """Attacks of one job share one process and one file of predictions."""

    def cautions(self) -> list[str]:
        """What a reader of the label would be misled by; stands beside the numbers."""
        return []

    def ball(self, eps: float) -> tuple[str, float | None]:
        """Norm of the perturbations, and the radius that they stay in; None without one.

        Args:
            eps: that of ``threat``, an L-inf radius.
        """
        return "linf", eps


def steps_in_label(label: str, steps: int) -> list[str]:
    """What is wrong with a label that names another number of steps, as in ``PGD-20``."""
    named = re.search(r"-(\d+)\b", label)
    if named and int(named[1]) != steps:
        return [f"called {label}, but takes {counted(steps, 'step')}"]
    return []

"""Options of plugins: what every data set, architecture, method and attack can have in params.yaml.

A plugin declares its own parameters in a class ``Options`` made from one of these and from the values that
this module names.
"""

import re
from typing import Annotated, ClassVar, Literal

from pydantic import Field, Tag

from taet.errors import counted
from taet.longtail_options import Longtail
from taet.threat import in_linf_ball
from taet.training_options import Training
from taet.values import (
    Count,
    Label,
    Name,
    NonNegative,
    Number,
    Options,
    PixelDistance,
    Positive,
    ResidualWidth,
    Share,
    Shares,
    Whole,
    one_or_several,
)

__all__ = [
    "AttackOptions",
    "Count",
    "DatasetOptions",
    "DescentOptions",
    "Field",
    "Label",
    "MethodOptions",
    "ModelOptions",
    "Name",
    "NonNegative",
    "Number",
    "OnTradesOptions",
    "Options",
    "PixelDistance",
    "Positive",
    "ResidualWidth",
    "RestartedDescentOptions",
    "Share",
    "Shares",
    "Whole",
]


class PluginOptions(Options):
    """Options of every plugin's block."""

    not_in_keys: ClassVar[frozenset[str]] = frozenset({"label"})

    kind: Name
    """File that implements it (``methods/KIND.py`` and so on); the block's own name if left out."""
    label: Label
    """Name printed in tables and figures."""

    def problem(self) -> str | None:
        """What is wrong with the block as a whole, in one line; None if nothing is."""
        return None


class DatasetOptions(PluginOptions):
    """Block of a data set."""

    # Jobs that draw a training set read ``longtail`` as a parameter of its own.
    not_in_keys: ClassVar[frozenset[str]] = frozenset({"label", "longtail"})

    official_validation: ClassVar[bool] = False
    """Whether the data set has official validation images."""

    longtail: Longtail
    """The block ``longtail``, with this data set's own values."""


class ModelOptions(PluginOptions):
    """Block of an architecture."""

    normalization: Literal["none", "per_channel"]
    """``per_channel``: the network's first step is (x - mean) / std, with mean and standard deviation of
    the training images' channels; eps stays in pixel space. ``none``: it sees pixels."""


class ClassRadius(Options):
    """RobustLT (Zhang et al. 2026): a larger radius for rare classes; see ``taet.training.addons``."""

    alpha: Share
    """Share of the radius that depends on the class."""
    beta: Annotated[Share, Field(gt=0)]
    """Share of all epochs after which the radius has its full size."""


class WeightPerturbation(Options):
    """AWP (Wu et al. 2020): the loss is that of the worst weights nearby; see ``taet.training.addons``."""

    gamma: Positive
    """Norm of the perturbation of a layer, relative to the norm of its weights."""
    warmup_epochs: Whole
    """Epochs without it."""


class ExponentialAverage(Options):
    """Exponential moving average of the weights, step by step."""

    kind: Literal["ema"]
    decay: Annotated[Share, Field(lt=1)]
    """Weight of the previous average in a step, at most; less in the first steps."""


class StochasticAverage(Options):
    """Stochastic weight averaging (Izmailov et al. 2018): the mean of the weights after each epoch."""

    kind: Literal["swa"]
    begin_epoch: Whole
    """First epoch, counted from 0, whose weights are averaged."""


class LogitAdjustment(Options):
    """Post-hoc logit adjustment (Menon et al. 2021): the network with logits z - tau log n is saved."""

    tau: Annotated[
        Annotated[NonNegative, Tag("one")]
        | Annotated[list[NonNegative], Field(min_length=1), Tag("several")],
        one_or_several,
    ]
    """A number, or several to choose from: the one with the best balanced accuracy on the validation
    images, which need ``longtail.validation_share``, ``longtail.validation_per_class`` or an official
    validation part."""


class MethodOptions(PluginOptions):
    """Block of a training method, with optional add-ons for any method."""

    # Jobs that train read ``training`` as a parameter of its own, and stage 1 as an input.
    not_in_keys: ClassVar[frozenset[str]] = frozenset({"label", "stabilization", "training"})

    stabilization: Name | None = None
    """Stage 1 from which the method starts: a name under ``stabilizations``."""
    training: Training
    """The block ``training``, with this method's own values."""
    class_radius: ClassRadius | None = None
    """RobustLT: a radius for each class in the training attack."""
    weight_perturbation: WeightPerturbation | None = None
    """AWP: adversarial weight perturbation."""
    weight_average: (
        Annotated[ExponentialAverage | StochasticAverage, Field(discriminator="kind")] | None
    ) = None
    """An average of the weights, which is saved and evaluated in their place."""
    logit_adjustment: LogitAdjustment | None = None
    """Logits shifted by the class prior at inference."""

    loss_passes: ClassVar[int] = 1
    """Forward and backward passes of an image for the loss."""

    by_several_processes: ClassVar[bool] = True
    """Whether several processes may train it together: false if a copy of the network takes gradients too."""

    without_effect: ClassVar[tuple[str, ...]] = ()
    """Options of ``training.attack`` that the method does not use."""

    def first_epochs(self) -> dict[tuple[str, ...], int]:
        """By its path, each option that names the epoch in which something begins (0-based)."""
        epochs: dict[tuple[str, ...], int] = {
            (option,): getattr(self, option)
            for option in type(self).model_fields
            if option.endswith("begin_epoch")
        }
        if self.weight_perturbation is not None:
            epochs["weight_perturbation", "warmup_epochs"] = self.weight_perturbation.warmup_epochs
        if isinstance(self.weight_average, StochasticAverage):
            epochs["weight_average", "begin_epoch"] = self.weight_average.begin_epoch
        return epochs

    def attack_passes(self, steps: int) -> tuple[float, float]:
        """Forward and backward passes of an image for the training attack, on average over steps.

        Args:
            steps: K, of ``training.attack``.
        """
        return steps, steps


class OnTradesOptions(MethodOptions):
    """Block of a method with the attack of TRADES; without ``beta`` the method is on PGD-AT."""

    beta: Positive | None
    """Weight of the KL term."""

    @property
    def loss_passes(self) -> int:  # type: ignore[override]
        return 1 if self.beta is None else 2

    def attack_passes(self, steps: int) -> tuple[float, float]:
        """One forward pass more for the clean images on TRADES."""
        return steps + (self.beta is not None), steps


class AttackOptions(PluginOptions):
    """Block of an attack."""

    job: Name
    """Attacks of one job share one process and one file of predictions."""
    eot_samples: Count = 1
    """Passes that gradients and logits of the search are means of: expectation over transformation (Athalye
    et al. 2018), for randomised models. The search costs as many times the passes; Square, which takes no
    gradients, stays as it is."""

    def cautions(self) -> list[str]:
        """Warnings about what the label could make a reader believe; printed beside the numbers."""
        return []

    def ball(self, eps: float) -> tuple[str, float | None]:
        """Norm of the perturbations, and the radius that bounds it; None without a bound.

        Args:
            eps: the L-inf radius of ``threat``.
        """
        return "linf", eps

    def in_linf_ball(self, eps: float) -> bool:
        """See ``taet.threat.in_linf_ball``."""
        return in_linf_ball(*self.ball(eps), eps)


class DescentOptions(AttackOptions):
    """Block of an attack by gradient steps."""

    steps: Count
    """Gradient steps K."""
    step_size: PixelDistance
    """Length of a step in the L-inf norm (``alpha`` in torchattacks)."""
    start: Literal["zero", "gauss", "uniform"]
    """First iterate; see ``taet.adversary.pgd.start_point``."""
    convention: Literal["any_iterate", "last_iterate"]
    """Which iterate must be misclassified for the image to count as fooled."""


class RestartedDescentOptions(DescentOptions):
    """Block of an attack by gradient steps from several starts, whose label says how many steps."""

    restarts: Count
    """Random starts; each attacks only the images that are still robust."""

    def cautions(self) -> list[str]:
        return steps_in_label(self.label, self.steps)


def steps_in_label(label: str, steps: int) -> list[str]:
    """A warning where the label names another number of steps, as ``PGD-20`` does with 10 steps."""
    named = re.search(r"-(\d+)\b", label)
    if named and int(named[1]) != steps:
        return [f"called {label}, but takes {counted(steps, 'step')}"]
    return []

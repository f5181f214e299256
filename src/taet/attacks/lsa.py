"""LSA: the logit scaling attack (Hitaj et al. 2021), PGD on cross-entropy of scaled logits.

A softmax that is saturated or flat hides gradients without making a model robust. The logits are multiplied
by each scale in turn, below 1 against saturation, above 1 against flatness; an image is robust if no scale
fools the model. If even the smallest scale leaves the softmax saturated, use an attack on the margin instead.
"""

from taet.adversary.descent import Descent
from taet.adversary.objectives import CrossEntropy
from taet.adversary.parts import Part
from taet.options import DescentOptions, Field, Positive


class Options(DescentOptions):
    scales: list[Positive] = Field(min_length=1)
    """Factors of the logits; AT-BSL uses 10, Hitaj et al. sweep them."""


def parts(options: Options) -> tuple[Part, ...]:
    """One run for each scale."""
    return tuple(
        Descent(
            f"LSA x{scale:g}",
            CrossEntropy(scale),
            options.start,
            options.step_size,
            options.steps,
            options.convention,
        )
        for scale in options.scales
    )

"""CW-Linf: PGD-K on the margin of the logits in the L-inf ball (Carlini and Wagner 2017; Madry et al. 2018).

Maximises -max(z_y - max_{k != y} z_k + confidence, 0). With confidence 0 the gradient vanishes once an
image is misclassified, which is harmless under ``any_iterate``. AT-BSL, RoBal and ADT use 50, RobustLT 0.
"""

from taet.adversary.descent import Descent
from taet.adversary.objectives import Margin
from taet.adversary.parts import Part
from taet.options import NonNegative, RestartedDescentOptions


class Options(RestartedDescentOptions):
    confidence: NonNegative
    """Margin by which the image should be misclassified, in logits."""


def parts(options: Options) -> tuple[Part, ...]:
    """One run of all steps for each random start."""
    return tuple(
        Descent(
            f"CW-Linf-{options.steps}",
            Margin(options.confidence),
            options.start,
            options.step_size,
            options.steps,
            options.convention,
            restart,
        )
        for restart in range(options.restarts)
    )

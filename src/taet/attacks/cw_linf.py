"""CW-Linf: PGD-K on the margin of the logits in the L-inf ball (Carlini and Wagner 2017; Madry et al. 2018).

Maximises -max(z_y - max_{k != y} z_k + confidence, 0). With confidence 0 the gradient vanishes once an
image is misclassified, which is harmless under ``any_iterate``. AT-BSL, RoBal and ADT use 50, RobustLT 0.
"""

from typing import Literal

from taet.adversary.descent import Descent
from taet.adversary.objectives import Margin
from taet.adversary.parts import Part
from taet.options import AttackOptions, Count, NonNegative, PixelDistance, steps_in_label


class Options(AttackOptions):
    steps: Count
    """Gradient steps K."""
    step_size: PixelDistance
    """Length of a step in the L-inf norm."""
    start: Literal["zero", "gauss", "uniform"]
    """First iterate; see ``taet.adversary.pgd.start_point``."""
    confidence: NonNegative
    """Margin by which the image should be misclassified, in logits."""
    convention: Literal["any_iterate", "last_iterate"]
    """Which iterate must be misclassified for the image to count as fooled."""
    restarts: Count
    """Random starts; each attacks only the images that are still robust."""

    def cautions(self) -> list[str]:
        return steps_in_label(self.label, self.steps)


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

"""FGSM: one step of size eps along the sign of the gradient (Goodfellow et al. 2015), no random start."""

from taet.adversary.descent import Descent
from taet.adversary.objectives import CrossEntropy
from taet.adversary.parts import Part
from taet.options import AttackOptions


class Options(AttackOptions):
    pass


def parts(options: Options) -> tuple[Part, ...]:
    """The one step."""
    return (Descent("FGSM", CrossEntropy(), "zero", None, 1, "any_iterate"),)

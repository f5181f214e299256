"""FGSM: one step of size eps along the sign of the gradient (Goodfellow et al. 2015), no random start."""

from taet.attacks._base import Part
from taet.attacks._descent import Descent
from taet.attacks._objectives import CrossEntropy
from taet.options import AttackOptions


class Options(AttackOptions):
    pass


def parts(options: Options) -> tuple[Part, ...]:
    """The one step."""
    return (Descent("FGSM", CrossEntropy(), "zero", None, 1, "any_iterate"),)

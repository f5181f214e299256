"""AutoAttack: a fixed ensemble of attacks without parameters to tune (Croce and Hein 2020).

``standard``, as its authors define it, is APGD on cross-entropy, APGD-T (targeted DLR, 9 targets), FAB-T
(9 targets) and Square, with 100 steps, 100 steps, 100 iterations and 5000 queries: all four ``components``.
Each attacks only the images that are still robust, so the result is the worst case over all. The first two
alone are much cheaper and mostly agree with all four. With other numbers it is not AutoAttack (torchattacks
3.3 to 3.5 runs 10 steps under that name). With C classes there are at most C - 1 targets; with fewer than 4
classes, DLR uses the logits that exist.
"""

from typing import Literal

from taet.adversary.apgd import Apgd
from taet.adversary.fab import Fab
from taet.adversary.parts import Part
from taet.adversary.square import Square
from taet.options import AttackOptions, Count, Field, Positive


class Options(AttackOptions):
    norm: Literal["linf", "l2"]
    """Of the perturbation."""
    eps: Positive | None
    """Radius in that norm; null for that of ``threat``, which is an L-inf radius."""
    components: list[Literal["apgd_ce", "apgd_dlr", "apgd_t", "fab_t", "square"]] = Field(
        min_length=1
    )
    """Attacks, in the order in which they run."""
    steps: Count
    """Steps of APGD and iterations of FAB; 100 in AutoAttack."""
    targets: Count
    """Target classes of APGD-T and FAB-T; 9 in AutoAttack."""
    queries: Count
    """Queries of Square; 5000 in AutoAttack."""
    square_positions: Literal["official", "all"]
    """Of squares; official: AutoAttack's, which never reach the last row and column; all is stronger."""
    square_schedule: Literal["fixed", "rescaled"]
    """Of the sizes of squares; fixed: AutoAttack's; rescaled: to ``queries``, as in torchattacks."""
    restarts: Count
    """Random starts of APGD and Square; 1 in AutoAttack. FAB starts at the image itself."""

    def problem(self) -> str | None:
        if self.norm == "l2" and self.eps is None:
            return "eps: missing; an L2 ball needs a radius of its own"
        if self.norm == "linf" and self.eps is not None and self.eps >= 1:
            return f"eps: {self.eps:g} is the whole [0,1] pixel range or more; must be below 1"
        if len(set(self.components)) < len(self.components):
            return "components: one is in the list twice"
        return None

    def ball(self, eps: float) -> tuple[str, float | None]:
        return self.norm, eps if self.eps is None else self.eps

    def cautions(self) -> list[str]:
        standard = {
            "components": ["apgd_ce", "apgd_t", "fab_t", "square"],
            "steps": 100,
            "targets": 9,
            "queries": 5000,
            "square_positions": "official",
            "square_schedule": "fixed",
        }
        other = [
            f"{name} {getattr(self, name)} instead of {value}"
            for name, value in standard.items()
            if getattr(self, name) != value
        ]
        if other and "autoattack" in self.label.lower().replace(" ", ""):
            return [f"called {self.label}, but is not AutoAttack standard: {'; '.join(other)}"]
        return []


def parts(options: Options) -> tuple[Part, ...]:
    """One part for each component and random start, and for each target of the targeted ones."""
    norm, steps, ranks = options.norm, options.steps, range(1, options.targets + 1)
    restarts = range(options.restarts)
    square = options.queries, options.square_positions, options.square_schedule
    of_component: dict[str, list[Part]] = {
        "apgd_ce": [Apgd("APGD-CE", norm, "ce", steps, 0, i) for i in restarts],
        "apgd_dlr": [Apgd("APGD-DLR", norm, "dlr", steps, 0, i) for i in restarts],
        "apgd_t": [
            Apgd(f"APGD-T {r}", norm, "dlr_targeted", steps, r, i) for i in restarts for r in ranks
        ],
        "fab_t": [Fab(f"FAB-T {r}", norm, steps, r) for r in ranks],
        "square": [Square("Square", norm, *square, i) for i in restarts],
    }
    return tuple(part for name in options.components for part in of_component[name])

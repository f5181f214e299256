"""The registered analysis of ``cifar10_overfit`` (docs/overfitting.md): its contrasts and what each decides.

    python workflow/scripts/overfitting.py

prints every contrast. All numbers are balanced robustness in the worst case over attacks, in points.
"""

import sys
from dataclasses import dataclass, replace

import scipy.stats

from result_tables import metrics_of, scored_of, setting_of
from taet.errors import UserError

STUDY = "cifar10_overfit"
EQUAL = 3.0  # points: an interval within [-EQUAL, EQUAL] is no difference that matters
UNSEEN = (3, 4)  # seeds of which no pilot has shown a curve


@dataclass(frozen=True)
class Contrast:
    """A difference in points, with its 95 % interval.

    Attributes:
        name: what is compared.
        center, low, high: the difference and the ends of its interval.
        seeds: n.
    """

    name: str
    center: float
    low: float
    high: float
    seeds: int

    @property
    def verdict(self) -> str:
        """``leads`` or ``trails`` if the interval excludes 0, ``equals`` if it lies within EQUAL, else
        ``undecided``."""
        if self.low > 0:
            return "leads"
        if self.high < 0:
            return "trails"
        return "equals" if self.low >= -EQUAL and self.high <= EQUAL else "undecided"

    def __str__(self) -> str:
        numbers = f"{self.center:+z.1f} [{self.low:+.1f}, {self.high:+.1f}]"
        return numbers.replace("-", "\N{MINUS SIGN}")


def between_arms(method, other, checkpoint):
    """Two arms at one checkpoint, with Tukey's interval over all arms."""
    setting = replace(setting_of(STUDY), checkpoint=checkpoint)
    pair = setting.difference(method, other, "worst", "all")
    if pair is None:
        raise UserError(f"{STUDY}: no difference between {method} and {other} at {checkpoint}")
    ends = (100 * pair[end] for end in ("difference", "low", "high"))
    return Contrast(f"{method} minus {other}, {checkpoint}", *ends, setting.seeds)


def change_in_lead(method, other, only=None):
    """A method's lead at the last checkpoint minus that at the best, paired over seeds.

    Args:
        only: seeds that count; None for all.
    """
    last, best = (_worst(name) for name in ("last", "best"))
    change = (last[method] - last[other]) - (best[method] - best[other])
    return _paired(f"change in the lead of {method} over {other}", change, only)


def late_minus_best(late="at_bsl_late", early="at_bsl"):
    """The last checkpoint of one arm minus the best of another, paired over seeds."""
    return _paired(
        f"{late}, last, minus {early}, best", _worst("last")[late] - _worst("best")[early]
    )


def _worst(checkpoint):
    """Balanced robustness in per cent: a row for each seed, a column for each method."""
    rows = metrics_of(STUDY, checkpoint=checkpoint)
    rows = rows[(rows["attack"] == "worst") & (rows["scope"] == "all")]
    return 100 * rows.pivot(index="seed", columns="method", values="balanced_accuracy")


def _paired(name, values, only=None):
    """The mean of differences, one a seed, with Student's t interval."""
    values = values if only is None else values.loc[list(only)]
    level = scored_of(STUDY)[1]["report"].confidence
    ends = scipy.stats.t.interval(level, len(values) - 1, values.mean(), scipy.stats.sem(values))
    return Contrast(name, float(values.mean()), *map(float, ends), len(values))


# Of the page's table, in its order; TAET with weights of 1 diverged with a seed and left.
REGISTERED = {
    "change": lambda: change_in_lead("taet", "at_bsl"),
    "change, unseen seeds": lambda: change_in_lead("taet", "at_bsl", UNSEEN),
    "order, last": lambda: between_arms("taet", "at_bsl", "last"),
    "order, best": lambda: between_arms("taet", "at_bsl", "best"),
    "slow": lambda: between_arms("at_bsl_slow", "at_bsl", "last"),
    "taet, slow": lambda: between_arms("taet", "at_bsl_slow", "last"),
    "stabilization": lambda: between_arms("at_bsl_clean40", "at_bsl", "last"),
    "weight 1": lambda: between_arms("taet_bcl1", "at_bsl_clean40", "last"),
    "weight 0.1": lambda: between_arms("taet_bcl", "at_bsl_clean40", "last"),
    "late": late_minus_best,
    "frequencies, last": lambda: between_arms("pgd_at_la", "at_bsl", "last"),
    "frequencies, best": lambda: between_arms("pgd_at_la", "at_bsl", "best"),
}


def contrast(name, verdict=None):
    """A registered contrast: ``+3.2 [+1.0, +5.4]``.

    Args:
        name: of ``REGISTERED``.
        verdict: which the sentence around it claims; the page is not rendered where the results differ.
    """
    made = REGISTERED[name]()
    if verdict is not None and made.verdict != verdict:
        raise UserError(f"{made.name}: {made}: {made.verdict}, not {verdict}")
    return str(made)


def outcome(name):
    """A registered contrast and its verdict, for a table: ``+3.2 [+1.0, +5.4]: leads``."""
    made = REGISTERED[name]()
    return f"{made}: {made.verdict}"


CALLS = (contrast, outcome)

if __name__ == "__main__":
    try:
        for made in (compare() for compare in REGISTERED.values()):
            print(f"{made.name} (n = {made.seeds}): {made}: {made.verdict}")
    except UserError as error:
        sys.exit(f"overfitting: {error}")

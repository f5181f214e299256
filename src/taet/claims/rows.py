"""A row of the leaderboard, and the order of rows. No torch."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from taet.claims.claim import Claim, Interval
from taet.claims.protocol import WORST
from taet.collapse import COLLAPSED
from taet.report.titles import eps_text, ratio_title
from taet.study.params.blocks import NATURAL, Params, imbalance_ratio_label


class Share(NamedTuple):
    """A share in [0,1] with its interval; None where unknown."""

    value: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Row:
    """A model under attack, or the mean over seeds of a method of a saved study.

    Attributes:
        dataset: label of the data set.
        imbalance_ratio: of its training set.
        eps: radius of the L-inf ball.
        name: of the model or method.
        network: label of the architecture, of a claim the number of its parameters.
        source: ``claim`` or the study.
        file: name of the claim's file.
        protocol: name and version; None of a study.
        attacks: labels of those in the worst case.
        complete: whether the worst case is over all attacks of the protocol; otherwise it is an upper bound.
        images: of the balanced test set.
        seeds: trained networks.
        robustness: balanced accuracy in the worst case, balanced test set.
        clean: balanced accuracy without attack.
        tail: as ``robustness``, over tail classes.
        long_tailed: accuracy in the worst case on the long-tailed test set.
        passes: forward and backward passes of a training image over the whole training.
        warnings: reasons to doubt the numbers.
    """

    dataset: str
    imbalance_ratio: float | str
    eps: float
    name: str
    network: str
    source: str
    file: str | None
    protocol: str | None
    attacks: tuple[str, ...]
    complete: bool
    images: int
    seeds: int
    robustness: Share
    clean: Share
    tail: Share
    long_tailed: float | None
    passes: float | None
    warnings: tuple[str, ...]

    @property
    def setting(self) -> str:
        """What rows are compared in, for people."""
        ratio = ratio_title(imbalance_ratio_label(self.imbalance_ratio))
        return f"{self.dataset}, {ratio}, L-inf eps {eps_text(self.eps)}"

    @property
    def ranked(self) -> bool:
        """Whether it has a rank: of all attacks, and not one class for all images."""
        return self.complete and COLLAPSED not in self.warnings


def row_of_claim(claim: Claim, file: str, params: Params) -> Row:
    """The row of a claim that was checked."""
    numbers, facts = claim.numbers.balanced, claim.protocol
    return Row(
        dataset=params.datasets[claim.dataset].label,
        imbalance_ratio=claim.imbalance_ratio,
        eps=facts["eps"],
        name=claim.name,
        network=f"{claim.weights.parameters:,} parameters",
        source="claim",
        file=file,
        protocol=f"{facts['name']} {facts['version']}",
        attacks=tuple(facts["attacks"][name]["label"] for name in params.claim.attacks),
        complete=True,
        images=numbers[WORST].images,
        seeds=1,
        robustness=_share(numbers[WORST].balanced_accuracy),
        clean=_share(numbers["clean"].balanced_accuracy),
        tail=_share(numbers[WORST].tail),
        long_tailed=claim.numbers.long_tailed[WORST].accuracy.value,
        passes=claim.passes,
        warnings=tuple(claim.warnings),
    )


def _share(interval: Interval) -> Share:
    return Share(interval.value, interval.low, interval.high)


def by_setting(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Rows by setting, settings by data set and ratio; in each the most robust first, collapsed ones last."""

    def order(row: Row) -> tuple[object, ...]:
        natural = row.imbalance_ratio == NATURAL
        ratio = 0.0 if natural else float(row.imbalance_ratio)
        collapsed = COLLAPSED in row.warnings
        return (row.dataset, not natural, ratio, row.eps, collapsed, -(row.robustness.value or 0.0))

    groups: dict[str, list[Row]] = {}
    for row in sorted(rows, key=order):
        groups.setdefault(row.setting, []).append(row)
    return groups


def known(number: float) -> float | None:
    """None for NaN."""
    return None if math.isnan(number) else float(number)

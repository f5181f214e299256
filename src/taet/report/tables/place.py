"""One data set, imbalance ratio and architecture: its rows, its title, and what stands below its tables."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pandas as pd

from taet.report.tables.cells import COLLAPSED
from taet.report.typeset import percent
from taet.scores import notes
from taet.scores.summary import PLACE, title_of_test_set

SCOPES = {"head": "head", "medium": "medium", "tail": "tail", "worst_class": "worst class"}
Column = tuple[str, str, str]  # attack, scope, title
CHECKPOINT_TITLES = {
    "last": "Last checkpoint",
    "best": "Best checkpoint, by balanced robustness on validation images",
}


@dataclass(frozen=True)
class Place:
    """A data set, imbalance ratio and architecture, and what there is to say of it.

    Attributes:
        title: for people.
        summary: its rows of the summary, of all test sets and checkpoints.
        pairs: its rows of contrasts.csv, likewise.
        shown: see ``taet.report.tables.main_tables``.
        test_set: the test set that is shown.
    """

    title: str
    summary: pd.DataFrame
    pairs: pd.DataFrame
    shown: Mapping[str, Any]
    test_set: str

    @cached_property
    def everything(self) -> pd.DataFrame:
        """Rows of the summary in the test set that is shown."""
        return self.summary[self.summary["test_set"] == self.test_set]

    @cached_property
    def part(self) -> pd.DataFrame:
        """Those of the checkpoint that is shown."""
        return self._of_checkpoint(self.everything)

    @cached_property
    def contrasts(self) -> pd.DataFrame:
        """Rows of contrasts.csv in the test set and of the checkpoint that are shown."""
        return self._of_checkpoint(self.pairs[self.pairs["test_set"] == self.test_set])

    def _of_checkpoint(self, rows: pd.DataFrame) -> pd.DataFrame:
        return rows[rows["checkpoint"] == self.shown["report"].checkpoint]

    @property
    def other_test_sets(self) -> list["Place"]:
        """The same in each other test set; natural data have one alone, their own test set."""
        if set(self.summary["imbalance_ratio"]) == {"natural"}:
            return []
        test_sets = self.summary["test_set"].unique()
        return [
            replace(self, test_set=test_set) for test_set in test_sets if test_set != self.test_set
        ]

    @property
    def methods(self) -> Mapping[str, str]:
        """Labels by name."""
        return self.shown["labels"]["methods"]  # type: ignore[no-any-return]

    @property
    def scopes(self) -> list[str]:
        """Groups that have classes, and the worst class."""
        return [scope for scope in SCOPES if scope in set(self.part["scope"])]

    @property
    def seeds(self) -> int:
        """Number of seeds, n."""
        return int(self.part["seeds"].max())

    @cached_property
    def collapsed(self) -> set[str]:
        """Methods of which a network gives one class for all images: not ranked, whatever their numbers."""
        warned = self.part["warnings"].fillna("").str.contains(COLLAPSED, regex=False)
        return set(self.part["method"][warned])

    def ranked(self, methods: Sequence[str], values: Sequence[float]) -> list[float]:
        """The values of methods that are ranked; NaN of the others."""
        pairs = zip(methods, values, strict=True)
        return [math.nan if method in self.collapsed else value for method, value in pairs]

    @property
    def meaning_of_marks(self) -> str:
        """What bold and underlined mean; nothing where there is no other method to compare with."""
        if len(self.methods) < 2:
            return ""
        said = f"Bold: the largest{' mean' if self.seeds > 1 else ''}; underlined: the second."
        if self.collapsed:
            names = ", ".join(label for m, label in self.methods.items() if m in self.collapsed)
            said += f" Not ranked, with a network that predicts one class: {names}."
        return said

    @property
    def published(self) -> list[dict[str, Any]]:
        """What others have published for it; see ``taet.study.plan.published``."""
        first = self.part.iloc[0]
        return [
            row
            for row in self.shown["published"]
            if (row["dataset"], row["imbalance_ratio"])
            == (first["dataset"], first["imbalance_ratio"])
        ]

    def note(
        self, columns: Collection[Column], marked: bool = True, checkpoints: bool = False
    ) -> str:
        """What a reader must know of a table with these columns.

        Args:
            marked: whether the best and the second are marked, and what does not differ significantly.
            checkpoints: whether it shows all checkpoints.
        """
        attacks, report = {attack for attack, _, _ in columns}, self.shown["report"]
        rows = self.everything if checkpoints else self.part
        marks = [self.meaning_of_marks, _told_apart(self.seeds, report)]
        parts = [
            _numbers(self.seeds, report),
            _conditions(rows, self.test_set),
            *([] if checkpoints else [f"{CHECKPOINT_TITLES[report.checkpoint]}."]),
            f"L-inf eps {self.shown['threat'].eps:.4g}.",
            *_scopes({scope for _, scope, _ in columns}, report),
            *(marks if marked and self.meaning_of_marks else []),
            *_attacks(rows[rows["attack"].isin(attacks)], self.shown, attacks),
        ]
        return " ".join(parts)

    def pair(self, method: str, other: str, attack: str, scope: str) -> pd.Series | None:
        """Their contrast, method minus other; None where there is none."""
        rows = self.contrasts
        rows = rows[(rows["attack"] == attack) & (rows["scope"] == scope)]
        found = rows[rows[["method", "other"]].isin([method, other]).all(axis=1)]
        if method == other or not len(found):
            return None
        row = found.iloc[0].copy()
        if row["method"] != method:
            row["difference"], row["low"], row["high"] = (
                -row["difference"],
                -row["high"],
                -row["low"],
            )
        return row


def places(
    summary: pd.DataFrame, contrasts: pd.DataFrame, shown: Mapping[str, Any]
) -> Iterator[Place]:
    labels = shown["labels"]
    for names, rows in summary.groupby(PLACE, sort=False):
        dataset, ir, architecture = names
        yield Place(
            place_title(labels, dataset, ir, architecture),
            rows,
            contrasts[(contrasts[PLACE] == list(names)).all(axis=1)],
            shown,
            shown["report"].test_set,
        )


def place_title(
    labels: Mapping[str, Mapping[str, str]], dataset: str, ir: str, architecture: str
) -> str:
    """What titles of tables begin with."""
    return f"{labels['datasets'][dataset]}, IR {ir}, {labels['architectures'][architecture]}"


def _numbers(n: int, report: Any) -> str:
    """What a cell holds."""
    level = f"{percent(report.confidence)} interval"
    spread = (
        f"mean ± standard deviation over n = {n} seeds [{level} of the mean: Student's t, cut to 0 and 100]"
        if n > 1
        else f"n = 1 seed [{level}: bootstrap over its test images; what another training would give is not "
        "in it]"
    )
    return f"BA, BR: balanced accuracy and balanced robustness in per cent, {spread}."


def _conditions(rows: pd.DataFrame, test_set: str) -> str:
    """What was tested."""
    everything = rows[rows["scope"] == "all"]
    images = everything.iloc[0]["test_images"]
    noise = 100 * everything["balanced_accuracy_se"].max()
    return (
        f"{title_of_test_set(rows, test_set)}, {images:.0f} images a seed: drawing them alone gives each "
        f"number over all classes a standard error of up to {noise:.1f} points."
    )


def _scopes(scopes: Collection[str], report: Any) -> Iterator[str]:
    """Which classes are meant."""
    shares = {"head": (report.groups.head, "most"), "tail": (report.groups.tail, "least")}
    for scope, (share, which) in shares.items():
        if scope in scopes:
            yield f"{scope.capitalize()}: the {percent(share)} {which} frequent classes."
    if "worst_class" in scopes:
        yield "Worst class: of each seed, the one with the lowest share."


def _told_apart(n: int, report: Any) -> str:
    """What can be said of a difference to the largest."""
    if n == 1:
        return "With one seed, a difference between two methods may be one between two trainings of the same."
    return (
        "≈ (all and tail classes only): no significant difference to the largest, since the bootstrap "
        "interval of the paired difference contains 0, or the paired t-test over seeds has "
        f"p ≥ {1 - report.confidence:.2g}, not corrected for their number."
    )


def _attacks(
    part: pd.DataFrame, shown: Mapping[str, Any], attacks: Collection[str]
) -> Iterator[str]:
    """What worst cases are, which attacks have no bound, and what the marks ! warn of."""
    labels = shown["labels"]
    for name, worst in shown["report"].worst_cases.items():
        if name in attacks:
            members = (
                "all attacks in the L-inf ball"
                if worst.attacks == "all"
                else " and ".join(labels["attacks"][attack] for attack in worst.attacks)
            )
            yield f"{labels['attacks'][name]}: robust under {members}."
    unbounded = part[part["norm"].notna() & part["eps"].isna()]["attack"].unique()
    if len(unbounded):
        names = ", ".join(labels["attacks"][attack] for attack in unbounded)
        yield (
            f"{names}: not bounded by any eps; what counts, in parentheses, is the median over attacked "
            "images of the norm that fools the model (∞: half of them were not fooled), mean over seeds."
        )
    warned = part[(part["scope"] == "all") & part["warnings"].notna()]
    said = warned.assign(warnings=warned["warnings"].map(notes.split)).explode("warnings")
    for text, rows in said.groupby("warnings", sort=False):
        methods = ", ".join(dict.fromkeys(labels["methods"][m] for m in rows["method"]))
        yield f"!: {methods}: {text}."

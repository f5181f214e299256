"""One data set, imbalance ratio and architecture: its rows, its title, and what stands below its tables."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from taet.summary import CELL, shown_rows, view_title

SCOPES = {"head": "head", "medium": "medium", "tail": "tail", "worst_class": "worst class"}
MARKS = (
    "Bold: the largest mean; underlined: the second. ≈ (all and tail classes): not separable from the "
    "largest, since the interval of the paired difference has 0, or its t-test over seeds, by itself and not "
    "corrected for their number, does not exclude it."
)
CHECKPOINT_TITLES = {
    "last": "Last checkpoint",
    "best": "Best checkpoint, by balanced robustness on validation images",
}


@dataclass(frozen=True)
class Place:
    """A data set, imbalance ratio and architecture, and what there is to say of it.

    Attributes:
        title: for people.
        everything: rows of the summary, in the view that is shown.
        part: those of the checkpoint that is shown.
        contrasts: rows of contrasts.csv, likewise.
        shown: see ``taet.tables.main_tables``.
    """

    title: str
    everything: pd.DataFrame
    part: pd.DataFrame
    contrasts: pd.DataFrame
    shown: Mapping[str, Any]

    @property
    def methods(self) -> Mapping[str, str]:
        """Labels by name."""
        return self.shown["labels"]["methods"]  # type: ignore[no-any-return]

    @property
    def scopes(self) -> list[str]:
        """Groups that have classes, and the worst class."""
        return [scope for scope in SCOPES if scope in set(self.part["scope"])]

    @property
    def published(self) -> list[dict[str, Any]]:
        """What others have published for it; see ``taet.published``."""
        first = self.part.iloc[0]
        return [
            row
            for row in self.shown["published"]
            if (row["dataset"], row["ir"]) == (first["dataset"], first["imbalance_ratio"])
        ]

    @cached_property
    def note(self) -> str:
        """What stands below its tables."""
        return _note(self.part, self.shown)

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
    report, labels = shown["report"], shown["labels"]
    compared = shown_rows(contrasts, report)
    in_view = summary[summary["view"] == report.view]
    for names, everything in in_view.groupby(CELL[:3], sort=False):
        dataset, ir, architecture = names
        yield Place(
            place_title(labels, dataset, ir, architecture),
            everything,
            shown_rows(everything, report),
            compared[(compared[CELL[:3]] == list(names)).all(axis=1)],
            shown,
        )


def place_title(
    labels: Mapping[str, Mapping[str, str]], dataset: str, ir: str, architecture: str
) -> str:
    """What titles of tables begin with."""
    return f"{labels['datasets'][dataset]}, IR {ir}, {labels['architectures'][architecture]}"


def _note(part: pd.DataFrame, shown: Mapping[str, Any]) -> str:
    report = shown["report"]
    everything = part[part["scope"] == "all"].iloc[0]
    n = int(everything["seeds"])
    spread = (
        f"mean ± standard deviation over n = {n} seeds "
        f"[{report.confidence:.0%} interval of the mean, Student's t]"
        if n > 1
        else f"n = 1 seed [{report.confidence:.0%} interval: bootstrap over its test images; what another "
        "training would give is not in it]"
    )
    worst = 100 * part.loc[part["scope"] == "all", "balanced_accuracy_se"].max()
    return (
        f"Balanced accuracy (BA) and balanced robustness (BR) in per cent, {spread}. "
        f"{view_title(part, report.view)}, {everything['test_images']:.0f} images a seed: drawing them "
        f"alone gives each number over all classes a standard error of up to {worst:.1f} points. "
        f"{CHECKPOINT_TITLES[report.checkpoint]}; L-inf eps {shown['threat'].eps:.4g}. "
        f"Head and tail: the most and the least frequent "
        f"{report.groups.head:.0%} and {report.groups.tail:.0%} of the classes. Worst class: of each seed, "
        f"the one with the lowest share. {MARKS}{_attack_notes(part, shown)}"
    )


def _attack_notes(part: pd.DataFrame, shown: Mapping[str, Any]) -> str:
    """What worst cases are, which attacks have no bound, and what the marks ! warn of."""
    labels, notes = shown["labels"], []
    for name, worst in shown["report"].worst_cases.items():
        members = (
            "all attacks in the L-inf ball"
            if worst.attacks == "all"
            else " and ".join(labels["attacks"][attack] for attack in worst.attacks)
        )
        notes.append(f"{labels['attacks'][name]}: robust under {members}.")
    unbounded = part[part["norm"].notna() & part["eps"].isna()]["attack"].unique()
    if len(unbounded):
        names = ", ".join(labels["attacks"][attack] for attack in unbounded)
        notes.append(
            f"{names}: not bounded by any eps; what counts, in parentheses, is the median over attacked "
            "images of the norm that fools the model (∞: half of them were not fooled), mean over seeds."
        )
    warned = part[(part["scope"] == "all") & part["warnings"].notna()]
    for text, rows in warned.groupby("warnings", sort=False):
        methods = ", ".join(dict.fromkeys(labels["methods"][m] for m in rows["method"]))
        notes.append(f"!: {methods}: {text}.")
    return "".join(f" {note}" for note in notes)

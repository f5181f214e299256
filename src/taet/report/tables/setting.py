"""Results of one data set, imbalance ratio and architecture: title, rows, and which methods are ranked."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import pandas as pd

from taet.axes import SETTING
from taet.collapse import COLLAPSED
from taet.report.titles import setting_title
from taet.scores import notes

REFERENCE = "taet"
SCOPES = {"head": "head", "medium": "medium", "tail": "tail", "worst_class": "worst class"}
BALANCED = "balanced_accuracy"
# Of ``taet.scores.metrics.disparity``. Never ranked: a network that is always wrong has none.
DISPARITY = {"class_range": "class range", "head_tail_gap": "head-tail gap"}


class Column(NamedTuple):
    """A column of numbers: a metric of ``taet.scores.summary`` under an attack, over some classes."""

    attack: str
    scope: str
    title: str = ""
    metric: str = BALANCED


@dataclass(frozen=True)
class SettingResults:
    """Results of a data set, imbalance ratio and architecture.

    Attributes:
        title: for people.
        summary: its rows of the summary, of all test sets and checkpoints.
        pairs: its rows of ``taet.scores.tukey.differences``, likewise.
        shown: see ``taet.report.tables.main_tables``.
        test_set: that is shown.
        checkpoint: that is shown.
    """

    title: str
    summary: pd.DataFrame
    pairs: pd.DataFrame
    shown: Mapping[str, Any]
    test_set: str
    checkpoint: str

    @cached_property
    def all_checkpoints(self) -> pd.DataFrame:
        """Rows of the summary on the test set that is shown."""
        return self.summary[self.summary["test_set"] == self.test_set]

    @cached_property
    def rows(self) -> pd.DataFrame:
        """Those of the checkpoint that is shown."""
        return self._of_checkpoint(self.all_checkpoints)

    @cached_property
    def differences(self) -> pd.DataFrame:
        """Pairs of methods on the test set and of the checkpoint that are shown."""
        return self._of_checkpoint(self.pairs[self.pairs["test_set"] == self.test_set])

    def _of_checkpoint(self, rows: pd.DataFrame) -> pd.DataFrame:
        return rows[rows["checkpoint"] == self.checkpoint]

    @property
    def other_test_sets(self) -> list["SettingResults"]:
        """The same on each other test set; natural data have one alone, their own."""
        if set(self.summary["imbalance_ratio"]) == {"natural"}:
            return []
        names = self.summary["test_set"].unique()
        return [replace(self, test_set=name) for name in names if name != self.test_set]

    @property
    def cell(self) -> tuple[str, ...]:
        """Its data set, imbalance ratio and architecture."""
        return tuple(self.summary.iloc[0][list(SETTING)])

    @property
    def methods(self) -> Mapping[str, str]:
        """Labels by name."""
        return self.shown["labels"]["methods"]  # type: ignore[no-any-return]

    @property
    def scopes(self) -> list[str]:
        """Groups that have classes, and the worst class."""
        return [scope for scope in SCOPES if scope in set(self.rows["scope"])]

    @property
    def seeds(self) -> int:
        """Number of seeds, n."""
        return int(self.rows["seeds"].max())

    @cached_property
    def collapsed(self) -> set[str]:
        """Methods of which a network gives one class for all images: not ranked, whatever their numbers."""
        pairs = zip(self.rows["method"], self.rows["warnings"], strict=True)
        return {method for method, warnings in pairs if COLLAPSED in notes.split(warnings)}

    def ranked(self, methods: Sequence[str], values: Sequence[float]) -> list[float]:
        """The values of methods that are ranked; NaN of the others."""
        pairs = zip(methods, values, strict=True)
        return [math.nan if method in self.collapsed else value for method, value in pairs]

    @property
    def published(self) -> list[dict[str, Any]]:
        """What others have published for it; see ``taet.study.plan.published``."""
        first = self.rows.iloc[0]
        return [
            row
            for row in self.shown["published"]
            if (row["dataset"], row["imbalance_ratio"])
            == (first["dataset"], first["imbalance_ratio"])
        ]

    def family(self, attack: str, scope: str) -> pd.DataFrame:
        """All pairs of methods under an attack, over some classes."""
        rows = self.differences
        return rows[(rows["attack"] == attack) & (rows["scope"] == scope)]

    def difference(
        self, method: str, other: str, attack: str, scope: str
    ) -> "pd.Series[Any] | None":
        """Method minus other, with its interval; None where there is none."""
        position = self._positions.get((attack, scope, frozenset((method, other))))
        if position is None:
            return None
        row = self.differences.iloc[position].copy()
        if row["method"] != method:
            row["difference"], row["low"], row["high"] = (
                -row["difference"],
                -row["high"],
                -row["low"],
            )
        return row

    @property
    def reference(self) -> str:
        """The method whose lead forest plots show: TAET, or the first of a study without it."""
        return REFERENCE if REFERENCE in self.methods else next(iter(self.methods))

    def leads(self, attack: str, scope: str) -> pd.DataFrame:
        """Reference minus each other method, the most robust method first.

        Returns:
            ``difference``, ``low`` and ``high``, shares by method; with one seed, NaN bounds.
        """
        rows = self.rows[(self.rows["attack"] == attack) & (self.rows["scope"] == scope)]
        means = rows.set_index("method")[BALANCED]
        table = pd.DataFrame({"difference": means[self.reference] - means}).drop(self.reference)
        table = table.assign(low=math.nan, high=math.nan)
        for method in table.index:
            pair = self.difference(self.reference, method, attack, scope)
            if pair is not None:
                table.loc[method] = pair[["difference", "low", "high"]]
        return table.sort_values("difference", kind="stable")

    @cached_property
    def _positions(self) -> dict[tuple[str, str, frozenset[str]], int]:
        """Positions in ``differences`` by attack, scope and the two methods."""
        columns = (self.differences[name] for name in ("attack", "scope", "method", "other"))
        return {
            (attack, scope, frozenset(pair)): position
            for position, (attack, scope, *pair) in enumerate(zip(*columns, strict=True))
        }


def settings(
    summary: pd.DataFrame, differences: pd.DataFrame, shown: Mapping[str, Any]
) -> Iterator[SettingResults]:
    labels = shown["labels"]
    for names, rows in summary.groupby(list(SETTING), sort=False):
        yield SettingResults(
            setting_title(labels, *names),
            rows,
            differences[(differences[list(SETTING)] == list(names)).all(axis=1)],
            shown,
            shown["report"].test_set,
            shown["report"].checkpoint,
        )

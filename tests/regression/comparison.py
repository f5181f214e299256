"""How far the scores of a run are from those of a saved one of the same methods and seeds.

Two runs of one study on two machines differ, because processors round otherwise and training amplifies it. How far
a number may move is in ``machines.csv``, from how far it has moved (``machines.py``). What no rounding moves has to be
the same.
"""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from taet.scores.summary import read_rows
from taet.study.plan.saved import saved_name

BANDS = Path(__file__).with_name("machines.csv")
ALL = "all methods"
QUANTITY = ["kind", "over", "test_set", "scope"]
NUMBER = ["kind", "of", "test_set", "scope", "what"]
# The second is the first with more steps, or the worst case over it: it leaves no more images right.
STRONGER = [
    *(("clean", attack) for attack in ("fgsm", "pgd20", "cw20")),
    *((attack, "worst") for attack in ("fgsm", "pgd100", "cw20", "worst2")),
    *(("pgd20", "pgd100"), ("pgd20", "worst2"), ("cw20", "worst2")),
]
NETWORK = ["imbalance_ratio", "method", "seed"]


@dataclass(frozen=True)
class Scores:
    """Rows of metrics.csv and of training.csv."""

    metrics: pd.DataFrame
    training: pd.DataFrame

    @classmethod
    def read(cls, score: Path) -> "Scores":
        files = (score / "metrics.csv", score / "training.csv")
        return cls(
            *(read_rows(f if f.exists() else f.with_name(saved_name(f.name))) for f in files)
        )

    def of(self, ratio: str, seeds: Collection[int], methods: Collection[str] = ()) -> "Scores":
        """The rows of one imbalance ratio, of these seeds and methods; of all methods without any."""

        def part(rows: pd.DataFrame) -> pd.DataFrame:
            wanted = (rows["imbalance_ratio"] == ratio) & rows["seed"].isin(seeds)
            return rows[wanted & (rows["method"].isin(methods) if methods else True)]

        return Scores(part(self.metrics), part(self.training))

    @cached_property
    def numbers(self) -> pd.Series:
        """All numbers that rounding moves; the rows have to be of one imbalance ratio.

        - ``accuracy``: balanced, a mean over seeds, in per cent; of every method, and the mean of these.
        - ``difference``: of two attacks on the same networks, in points; the same means.
        - ``agreement``: networks where two attacks leave every class the same accuracy, in per cent of all.
        - ``log loss``: logarithm of the training loss, a mean over seeds and epochs; of every method.
        """
        accuracies, agreements = _accuracies(self.metrics), _agreements(self.metrics)
        return pd.concat([accuracies, agreements, _losses(self.training)])

    @cached_property
    def fixed(self) -> dict[str, pd.DataFrame]:
        """All that no rounding moves, by table. Which class is the worst one, it does."""
        groups = self.metrics[self.metrics["scope"] != "worst_class"]
        row = [*NETWORK, "checkpoint", "test_set", "attack", "scope", "class_index"]
        of_row = ["class_name", "train_images", "test_images", "norm", "eps"]
        epoch = self.training.set_index([*NETWORK, "epoch"])
        return {
            "metrics": groups.fillna({"class_index": ""}).set_index(row)[of_row],
            "training": epoch[["stage", "learning_rate"]],
        }


def _accuracies(metrics: pd.DataFrame) -> pd.Series:
    groups = metrics[metrics["scope"].isin(["all", "tail"])]
    attacks = _wide(groups, ["method", "seed", "test_set", "scope"], "balanced_accuracy")
    a, b = _pairs(attacks)
    apart = attacks[a].to_numpy() - attacks[b].to_numpy()
    pairs = pd.DataFrame(apart, attacks.index, [f"{x} - {y}" for x, y in zip(a, b, strict=True)])
    kinds = {"accuracy": attacks, "difference": pairs}
    by_seed = pd.concat(kinds, axis=1, names=["kind", "what"])
    means = by_seed.groupby(["method", "test_set", "scope"]).mean()
    over = pd.concat({ALL: means.groupby(["test_set", "scope"]).mean()}, names=["method"])
    found = pd.concat([means, over]).stack(["kind", "what"], future_stack=True)
    return found.rename_axis(index={"method": "of"}).reorder_levels(NUMBER)


def _agreements(metrics: pd.DataFrame) -> pd.Series:
    classes = metrics[metrics["scope"] == "class"]
    attacks = _wide(classes, ["test_set", "method", "seed", "class_index"], "accuracy").fillna(-1)
    a, b = _pairs(attacks)
    same = pd.DataFrame(attacks[a].to_numpy() == attacks[b].to_numpy(), attacks.index)
    same.columns = [f"{x} = {y}" for x, y in zip(a, b, strict=True)]
    shares = 100 * same.groupby(["test_set", "method", "seed"]).all().groupby("test_set").mean()
    found = pd.concat(
        {("agreement", ALL, "class"): shares.stack(future_stack=True)},
        names=["kind", "of", "scope"],
    )
    return found.rename_axis([*found.index.names[:-1], "what"]).reorder_levels(NUMBER)


def _losses(training: pd.DataFrame) -> pd.Series:
    """Over epochs 1, 2-3, 4-7 and so on: rounding hardly moves the first, and the last by some per cent."""
    first = 2 ** np.floor(np.log2(training["epoch"])).astype(int).rename("epoch")
    means = np.log(training["loss"]).groupby([training["method"], first]).mean().reset_index()
    means["scope"] = [f"epochs {epoch}-{2 * epoch - 1}" for epoch in means["epoch"]]
    means = means.rename(columns={"method": "of"}).assign(kind="log loss", test_set="", what="")
    return means.set_index(NUMBER)["loss"]


def _disordered(metrics: pd.DataFrame) -> list[str]:
    """Attacks under which some class of some network is better than under weaker ones."""
    classes = metrics[metrics["scope"] == "class"]
    attacks = _wide(classes, ["test_set", "method", "seed", "class_index"], "accuracy")
    both = [(a, b) for a, b in STRONGER if a in attacks and b in attacks]
    return [f"{b} is weaker than {a}" for a, b in both if (attacks[b] > attacks[a]).any()]


def _wide(rows: pd.DataFrame, index: list[str], values: str) -> pd.DataFrame:
    """Per cent, a column for each attack, clean images first."""
    return 100 * rows.pivot(index=index, columns="attack", values=values)[rows["attack"].unique()]


def _pairs(attacks: pd.DataFrame) -> tuple[list[str], list[str]]:
    first, second = zip(*combinations(attacks, 2), strict=True)
    return list(first), list(second)


def quantities(found: pd.Series | pd.DataFrame) -> list[pd.Series]:
    """What each number is of, as the first columns of ``machines.csv`` have it."""
    index = found.index.to_frame().set_axis(found.index)
    index["over"] = index["of"].where(index["of"] == ALL, "one method")
    return [index[column] for column in QUANTITY]


@cache
def bands() -> pd.Series:
    """How far each quantity may move."""
    return pd.read_csv(BANDS, keep_default_na=False).set_index(QUANTITY)["band"]


def differences(expected: Scores, found: Scores) -> list[str]:
    """What is not as expected, a line each; nothing if all is."""
    return [
        *_other(expected.fixed, found.fixed),
        *_disordered(found.metrics),
        *moved(expected.numbers, found.numbers),
    ]


def moved(expected: pd.Series, found: pd.Series) -> list[str]:
    """Each number outside its band, and each that one side lacks, the farthest first."""
    both = pd.DataFrame({"expected": expected, "found": found})
    both["band"] = bands().reindex(pd.MultiIndex.from_arrays(quantities(both))).to_numpy()
    both["bands"] = (both["found"] - both["expected"]).abs() / both["band"]
    outside = both[~(both["bands"] <= 1)].sort_values("bands", ascending=False)
    return [
        f"{' '.join(filter(None, number))}: expected {row.expected:.3f} +- {row.band:.3f}, found {row.found:.3f}"
        for number, row in zip(outside.index, outside.itertuples(), strict=True)
    ]


def _other(expected: dict[str, pd.DataFrame], found: dict[str, pd.DataFrame]) -> list[str]:
    """Columns that are not the same, or the rows."""
    lines = []
    for table, rows in expected.items():
        others = found[table]
        if not rows.index.sort_values().equals(others.index.sort_values()):
            lines.append(f"{table}.csv: other rows")
            continue
        others = others.loc[rows.index]
        same = (rows == others) | (rows.isna() & others.isna())
        lines += [f"{table}.csv: another {column}" for column in rows if not same[column].all()]
    return lines

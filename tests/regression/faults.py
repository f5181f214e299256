"""Faults as the numbers of a run would show them: saved ones with others in the place of some.

What stands for a worst case without CW is PGD-100: PGD-20 is its beginning, and FGSM is rarely better.
"""

from collections.abc import Iterator
from itertools import permutations

import pandas as pd

from tests.regression.comparison import Scores

SHARES = ["accuracy", "balanced_accuracy"]
ROW = ["method", "seed", "test_set", "attack", "scope", "class_index"]


def faults(right: Scores, ablation: Scores) -> Iterator[tuple[str, pd.Series]]:
    """Name of each fault, and all numbers with it.

    Args:
        right: scores of all methods, of one imbalance ratio.
        ablation: scores of TAET's variants, of the same ratio and seeds.
    """
    for attack in ("fgsm", "pgd100", "cw20"):
        yield f"{attack} reported as pgd20", _reported(right, "attack", {attack: "pgd20"})
    yield "worst2 without cw20", _reported(right, "attack", {"worst2": "pgd20"})
    yield "worst without cw20", _reported(right, "attack", {"worst": "pgd100"})
    yield "worst over the first two attacks", _reported(right, "attack", {"worst": "pgd20"})
    yield "pgd20 without attack", _reported(right, "attack", {"pgd20": "clean"})
    yield "tail and head swapped", _reported(right, "scope", {"tail": "head", "head": "tail"})
    test_sets = {"balanced": "long_tailed", "long_tailed": "balanced"}
    yield "test sets swapped", _reported(right, "test_set", test_sets)
    for method, other in permutations(right.metrics["method"].unique(), 2):
        yield f"{method} trained as {other}", _trained(right, method, right, other)
    for variant in ablation.metrics["method"].unique():
        if variant != "taet":
            yield f"taet trained as {variant}", _trained(right, "taet", ablation, variant)


def _reported(right: Scores, column: str, instead: dict[str, str]) -> pd.Series:
    """With the shares of other rows: those of ``instead[value]`` where the column has ``value``."""
    rows = right.metrics.fillna({"class_index": ""})
    shares = rows.set_index(ROW)[SHARES]
    others = rows[ROW].assign(**{column: rows[column].replace(instead)})
    found = shares.loc[pd.MultiIndex.from_frame(others)].set_axis(rows.index)
    return Scores(right.metrics.assign(**found), right.training).numbers


def _trained(right: Scores, method: str, source: Scores, other: str) -> pd.Series:
    """With the numbers of another method. Means over all methods stay, which would only show more."""
    instead = source.numbers.xs(other, level="of", drop_level=False).rename(
        {other: method}, level="of"
    )
    return pd.concat([right.numbers.drop(method, level="of"), instead])

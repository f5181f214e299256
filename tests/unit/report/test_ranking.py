"""The first screen of the report: methods ranked in the worst case, and the result in three sentences."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd
import pytest

from taet.collapse import COLLAPSED
from taet.report.ranking import columns, ranking, sentences
from taet.report.tables.setting import SettingResults, settings
from taet.scores.summary import over_seeds
from tests.unit.report import test_tables as made

LABELS = {"c": "C", "taet": "TAET", "at_bsl": "AT-BSL"}
LEVELS = {"c": 0.1, "taet": 0.2, "at_bsl": 0.3}  # PGD-2: 0.51, 0.61 and 0.71 with three seeds
Interval = tuple[float, float]
NO = (math.nan, math.nan)


def pairs_of(first: Interval, ours: Interval) -> pd.DataFrame:
    """AT-BSL and C minus TAET, with the first difference in the order that tables have seldom."""
    row = made.differences().iloc[0].to_dict()
    rows = [
        {"method": "taet", "other": "at_bsl", "difference": -0.1, "low": -first[1], "high": -first[0]},
        {"method": "c", "other": "at_bsl", "difference": -0.2, "low": -ours[1], "high": -ours[0]},
    ]  # fmt: skip
    return pd.DataFrame([row | pair for pair in rows])


def results(
    pairs: pd.DataFrame, seeds: int = 3, levels: Mapping[str, float] = LEVELS, **other: Any
) -> SettingResults:
    """Three methods, or those of ``levels``."""
    rows = made.metrics(seeds)[lambda rows: rows["method"] == "b"]
    frame = pd.concat(
        rows.assign(method=m, balanced_accuracy=rows["balanced_accuracy"] + level)
        for m, level in levels.items()
    )
    summary = over_seeds(frame, 0.95).assign(warnings=None, **other)
    value = summary["balanced_accuracy"]
    labels = {method: LABELS[method] for method in levels}
    shown = made.SHOWN | {
        "labels": made.SHOWN["labels"] | {"methods": labels},
        "costs": dict(zip(labels, (25.0, 20.0, 30.0), strict=False)),
    }
    summary = summary.assign(bootstrap_low=value - 0.05, bootstrap_high=value + 0.04)
    (setting,) = settings(summary, pairs, shown)
    return setting


def test_the_most_robust_comes_first_with_its_cost_and_a_verdict() -> None:
    setting = results(pairs_of((-0.01, 0.21), (0.1, 0.3)))
    assert list(columns(setting).values()) == ["BA", "BR PGD-2", "BR PGD-2, tail"]
    rows = ranking(setting)
    assert [row.label for row in rows] == ["AT-BSL", "TAET", "C"]
    assert [row.verdict for row in rows] == [
        "best", "no significant difference", "significantly worse",
    ]  # fmt: skip
    assert [(row.passes, row.ratio[:-1]) for row in rows] == [
        ("30", "1.5"),
        ("20", "1.0"),
        ("25", "1.2"),
    ]
    texts = [cell.text.partition(" [")[0] for cell in rows[0].cells.values()]
    assert texts == ["91.0 ± 1.0", "71.0 ± 1.0", "71.0 ± 1.0"]


def test_three_sentences() -> None:
    setting = results(pairs_of((-0.01, 0.21), (0.1, 0.3)))
    leads, second, ours = sentences(setting, setting.pairs)
    assert leads == (
        "AT-BSL leads with 71.0 % balanced robustness, PGD-2 (n = 3 seeds, 95 % interval [68.5, 73.5])."
    )
    assert second == (
        "The lead over TAET, the second, is not significant: 10.0 points (n = 3 seeds, 95 % interval "
        "[\N{MINUS SIGN}1.0, 21.0]); 1 of 2 methods is significantly worse."
    )
    assert ours == (
        "TAET trails AT-BSL by 10.0 points (n = 3 seeds, 95 % interval [\N{MINUS SIGN}1.0, 21.0]); the difference is not "
        "significant."
    )
    *_, ours = sentences(results(pairs_of((0.05, 0.15), (0.1, 0.3))), setting.pairs)
    assert ours.endswith("[5.0, 15.0]); the difference is significant.")


def test_taet_leads() -> None:
    levels = {"at_bsl": 0.2, "taet": 0.3}
    pairs = pairs_of((0.02, 0.18), (0, 0)).assign(difference=0.1, low=0.02, high=0.18)[:1]
    *_, ours = sentences(results(pairs, levels=levels), pairs)
    assert ours.startswith(
        "TAET leads AT-BSL by 10.0 points (n = 3 seeds, 95 % interval [2.0, 18.0])"
    )


def test_equal_methods_lead_together() -> None:
    setting = results(pairs_of(NO, NO)[:0], levels={"c": 0.3, "taet": 0.3, "at_bsl": 0.1})
    first, second, ours = sentences(setting, setting.pairs)
    assert first.startswith("C and TAET lead with 71.0 %")
    assert second.startswith(
        "The lead over AT-BSL, the second, is not tested: 20.0 points (n = 3 seeds, no"
    )
    assert [row.verdict for row in ranking(setting)] == ["best", "best", "no interval"]
    assert ours.startswith("TAET leads AT-BSL by 20.0 points")


def test_one_seed_has_intervals_over_images_and_no_verdict() -> None:
    contrasts = pairs_of((0.03, 0.17), (0.1, 0.3))
    setting = results(contrasts[:0], seeds=1)
    leads, second, ours = sentences(setting, contrasts)
    basis = "(n = 1 seed, 95 % interval over test images"
    assert leads.endswith(f"{basis} [65.0, 74.0]).")
    assert second == (
        f"The lead over TAET, the second, is not tested: 10.0 points {basis} [3.0, 17.0])."
    )
    assert ours.endswith("the difference is not tested.")
    assert {row.verdict for row in ranking(setting)} == {"best", "one seed: not tested"}


def test_one_method_has_one_sentence() -> None:
    setting = results(pairs_of(NO, NO)[:0], levels={"taet": 0.3})
    (sentence,) = sentences(setting, setting.pairs)
    assert sentence.startswith("TAET reaches 71.0 % balanced robustness")
    assert [row.verdict for row in ranking(setting)] == ["\N{EN DASH}"]


@pytest.mark.parametrize(
    ("levels", "count"), [({"c": 0.3, "taet": 0.2}, 2), ({"c": 0.3, "at_bsl": 0.2}, 2)]
)
def test_no_sentence_of_a_method_that_is_missing(levels: dict[str, float], count: int) -> None:
    setting = results(pairs_of(NO, NO)[:0], levels=levels)
    assert len(list(sentences(setting, setting.pairs))) == count


def test_a_collapsed_method_is_not_ranked() -> None:
    setting = results(pairs_of((0.05, 0.15), (0.1, 0.3)))
    collapsed = setting.summary["method"] == "at_bsl"
    summary = setting.summary.assign(
        warnings=pd.Series(COLLAPSED, setting.summary.index).where(collapsed)
    )
    (setting,) = settings(summary, setting.pairs, setting.shown)
    assert [row.label for row in ranking(setting)] == ["TAET", "C", "AT-BSL"]
    assert ranking(setting)[-1].verdict == "not ranked: predicts one class"
    first, second, _ = sentences(setting, setting.pairs)
    assert first.startswith("TAET leads with 61.0 %")
    assert "over C, the second" in second
    (setting,) = settings(setting.summary.assign(warnings=COLLAPSED), setting.pairs, setting.shown)
    (sentence,) = sentences(setting, setting.pairs)
    assert sentence == "No method is ranked: each has a network that predicts one class."

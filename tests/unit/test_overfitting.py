"""The registered analysis of cifar10_overfit: its contrasts and verdicts, from hand-made results."""

from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from taet.errors import UserError
from taet.report.tables.setting import SettingResults
from tests.conftest import ROOT

LAST = {
    "taet": [30, 31, 32, 33, 34],
    "at_bsl": [25, 27, 27, 28, 31],
    "at_bsl_late": [29, 31, 31, 33, 33],
}
BEST = {
    "taet": [31, 31, 33, 33, 35],
    "at_bsl": [30, 31, 31, 32, 33],
    "at_bsl_late": [31, 31, 31, 32, 33],
}


def rows(checkpoint: str, shares: dict[str, list[int]]) -> Iterator[dict[str, Any]]:
    for method, values in shares.items():
        for seed, value in enumerate(values):
            for attack, scope, change in (
                ("worst", "all", 0),
                ("pgd20", "all", 9),
                ("worst", "tail", 5),
            ):
                yield {
                    "checkpoint": checkpoint,
                    "method": method,
                    "seed": seed,
                    "attack": attack,
                    "scope": scope,
                    "balanced_accuracy": (value + change * (method == "taet")) / 100,
                }


@pytest.fixture
def analysis(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "workflow" / "scripts"))
    import overfitting

    metrics = pd.DataFrame([*rows("last", LAST), *rows("best", BEST)])
    monkeypatch.setattr(
        overfitting,
        "metrics_of",
        lambda study, checkpoint: metrics[metrics["checkpoint"] == checkpoint],
    )
    shown = {"report": SimpleNamespace(confidence=0.95)}
    monkeypatch.setattr(overfitting, "scored_of", lambda study: (None, shown))
    ends = pd.DataFrame(
        [
            ("last", "at_bsl", "taet", "worst", "all", -0.044, -0.060, -0.028),
            ("best", "at_bsl", "taet", "worst", "all", -0.012, -0.028, 0.004),
            ("last", "at_bsl", "taet", "pgd20", "all", 0.5, 0.4, 0.6),
        ],
        columns=["checkpoint", "method", "other", "attack", "scope", "difference", "low", "high"],
    ).assign(test_set="balanced")
    seeds = pd.DataFrame({"seeds": [5], "test_set": ["balanced"], "checkpoint": ["last"]})
    results = SettingResults(
        "", pd.concat([seeds, seeds.assign(checkpoint="best")]), ends, shown, "balanced", "last"
    )
    monkeypatch.setattr(overfitting, "setting_of", lambda study: results)
    return overfitting


def test_arms_at_each_checkpoint_by_tukeys_interval(analysis: ModuleType) -> None:
    last = analysis.between_arms("taet", "at_bsl", "last")
    assert (last.center, last.low, last.high) == pytest.approx((4.4, 2.8, 6.0))
    assert (last.verdict, last.seeds) == ("leads", 5)
    assert analysis.between_arms("at_bsl", "taet", "last").verdict == "trails"
    assert analysis.between_arms("taet", "at_bsl", "best").verdict == "equals"
    with pytest.raises(UserError, match="no difference between taet and mart at best"):
        analysis.between_arms("taet", "mart", "best")


def test_change_in_lead_is_paired_over_seeds(analysis: ModuleType) -> None:
    lead_last, lead_best = [5, 4, 5, 5, 3], [1, 0, 2, 1, 2]
    change = np.subtract(lead_last, lead_best)
    reach = 2.776445 * change.std(ddof=1) / 5**0.5  # t with 4 degrees of freedom
    made = analysis.change_in_lead("taet", "at_bsl")
    assert (made.center, made.low, made.high) == pytest.approx(
        (change.mean(), change.mean() - reach, change.mean() + reach), abs=1e-5
    )
    assert made.verdict == "leads"
    unseen = analysis.change_in_lead("taet", "at_bsl", analysis.UNSEEN)
    assert (unseen.seeds, unseen.center) == (2, pytest.approx(2.5))
    assert unseen.verdict == "undecided", "two seeds show little"


def test_late_cuts_are_compared_with_the_best_checkpoint(analysis: ModuleType) -> None:
    made = analysis.late_minus_best()
    assert made.center == pytest.approx(np.subtract(LAST["at_bsl_late"], BEST["at_bsl"]).mean())
    assert made.verdict == "equals"


def test_a_sentence_states_the_verdict_that_it_claims(analysis: ModuleType) -> None:
    assert analysis.contrast("order, last", "leads") == "+4.4 [+2.8, +6.0]"
    assert analysis.outcome("order, best") == "+1.2 [\N{MINUS SIGN}0.4, +2.8]: equals"
    with pytest.raises(UserError, match=r"taet minus at_bsl, last: .*: leads, not trails"):
        analysis.contrast("order, last", "trails")


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (-3, 3, "equals"),
        (-3.1, 3, "undecided"),
        (-3, 3.1, "undecided"),
        (0.1, 9, "leads"),
        (-2, -0.1, "trails"),
    ],
)
def test_verdicts(analysis: ModuleType, low: float, high: float, verdict: str) -> None:
    assert analysis.Contrast("", (low + high) / 2, low, high, 5).verdict == verdict

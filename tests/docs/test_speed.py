"""docs/speed.md says what the benchmarks' files say."""

from types import ModuleType

import pandas as pd
import pytest

from taet.study.params.load import load_params
from taet.study.plan.costs import training_passes
from tests.conftest import ROOT


@pytest.fixture
def times(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import saved_times

    return saved_times


def test_every_benchmark_is_on_the_page(times: ModuleType) -> None:
    shown = (ROOT / "docs/speed.md.in").read_text()
    for file in set(times.FOLDER.glob("*.csv")) - {times.FOLDER / "large_study.csv"}:  # has its own
        assert f'("{file.stem}"' in shown, file.name


def test_every_missed_goal_is_on_the_page(times: ModuleType) -> None:
    """No goal is left out because of its outcome."""
    rows = [
        times.goal(file.stem, row.what)
        for file in times.FOLDER.glob("*.csv")
        for row in times.read(file.stem).itertuples()
    ]
    missed = [text for text in rows if "missed" in text]
    shown = (ROOT / "docs/speed.md").read_text()
    assert len(missed) >= 10
    assert sum(shown.count(text) for text in set(missed)) == len(missed)


def test_page_of_large_studies_is_current(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import large_study

    assert large_study.TABLE.search(large_study.PAGE.read_text())
    assert large_study.page() == large_study.PAGE.read_text()
    rows = pd.read_csv(large_study.FOLDER / "large_study.csv").set_index("what")["value"]
    for study, what in large_study.SIMULATED.items():
        shown = (rows[f"{what}: training"], rows[f"{what}: attacks"])
        assert large_study.cell_seconds(study) == pytest.approx(shown, rel=1e-3), (
            "saved anew: run benchmarks/large_study.py --page"
        )


def test_targets_are_of_their_own_unit(times: ModuleType) -> None:
    """The memory of a stage has no goal, though its processor time has one."""
    assert times.spread("memory", "subsample") == "410 (410 to 410)"
    assert times.goal("memory", "subsample") == ""
    assert times.goal("overhead", "subsample") == "2"


@pytest.mark.parametrize("method", [*load_params(ROOT / "params.yaml").grid.methods, "clean"])
def test_passes_are_those_that_cards_say(times: ModuleType, method: str) -> None:
    """Counted as they happen, against the formulas that tables and figures use."""
    study = load_params(ROOT / "params.yaml", "cifar10_lt")
    rows = times.read("efficiency").set_index("what")["value"]
    label = study.methods[method].label
    counted = sum(rows[f"{label}: {way} passes"] for way in ("forward", "backward"))
    in_theory = training_passes(study, method) / study.methods[method].training.epochs
    # LAS-AT draws its numbers of steps.
    assert counted == pytest.approx(in_theory, rel=0.15 if method == "las_at" else 1e-3)


def test_our_components_are_never_weaker(times: ModuleType) -> None:
    """Within the scatter of five random starts."""
    rows = times.read("strength").set_index("what")
    for name in ("apgd_ce", "apgd_t", "fab_t", "square", "whole"):
        ours, theirs = (rows.loc[f"{name}: robust, {who}"] for who in ("ours", "torchattacks"))
        assert ours["value"] <= theirs["high"], name


def test_every_target_is_for_a_number(times: ModuleType) -> None:
    rows = pd.concat(times.read(file.stem) for file in times.FOLDER.glob("*.csv"))
    names = [f"{row.what}, {row.unit}" for row in rows.itertuples()]
    for pattern in {**times.FLOORS, **times.CEILINGS}:
        assert any(times.re.search(pattern, name) for name in names), pattern

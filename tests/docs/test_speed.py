"""docs/speed.md says what the benchmarks' files say."""

import importlib.util
from types import ModuleType

import pandas as pd
import pytest

from taet.study.params.load import load_params
from taet.study.plan.costs import training_passes
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def page() -> ModuleType:
    spec = importlib.util.spec_from_file_location("page", ROOT / "benchmarks" / "page.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_page_is_current(page: ModuleType) -> None:
    assert page.PAGE.read_text() == page.page(), "run: python benchmarks/page.py"


def test_every_benchmark_is_on_the_page(page: ModuleType) -> None:
    shown = page.TEMPLATE.read_text()
    for file in set(page.FOLDER.glob("*.csv")) - {page.FOLDER / "large_study.csv"}:  # has its own
        assert f'("{file.stem}"' in shown, file.name


def test_every_missed_goal_is_on_the_page(page: ModuleType) -> None:
    """No goal is left out because of its outcome."""
    rows = [
        page.goal(file.stem, row.what)
        for file in page.FOLDER.glob("*.csv")
        for row in page.read(file.stem).itertuples()
    ]
    missed = [text for text in rows if "missed" in text]
    shown = page.PAGE.read_text()
    assert len(missed) >= 10
    assert sum(shown.count(text) for text in set(missed)) == len(missed)


def test_page_of_large_studies_is_current(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import large_study

    assert large_study.TABLE.search(large_study.PAGE.read_text())
    assert large_study.page() == large_study.PAGE.read_text()
    rows = pd.read_csv(large_study.FOLDER / "large_study.csv").set_index("what")["value"]
    for study, what in large_study.KEPT.items():
        shown = (rows[f"{what}: training"], rows[f"{what}: attacks"])
        assert large_study.cell_seconds(study) == pytest.approx(shown, rel=1e-3), (
            "kept anew: run benchmarks/large_study.py --page"
        )


def test_targets_are_of_their_own_unit(page: ModuleType) -> None:
    """The memory of a stage has no goal, though its processor time has one."""
    assert page.spread("memory", "subsample") == "410 (410 to 410)"
    assert page.goal("memory", "subsample") == ""
    assert page.goal("overhead", "subsample") == "2"


@pytest.mark.parametrize("method", [*load_params(ROOT / "params.yaml").grid.methods, "clean"])
def test_passes_are_those_that_cards_say(page: ModuleType, method: str) -> None:
    """Counted as they happen, against the formulas that tables and figures use."""
    study = load_params(ROOT / "params.yaml", "cifar10_lt")
    rows = page.read("efficiency").set_index("what")["value"]
    label = study.methods[method].label
    counted = sum(rows[f"{label}: {way} passes"] for way in ("forward", "backward"))
    in_theory = training_passes(study, method) / study.methods[method].training.epochs
    # LAS-AT draws its numbers of steps.
    assert counted == pytest.approx(in_theory, rel=0.15 if method == "las_at" else 1e-3)


def test_our_components_are_never_weaker(page: ModuleType) -> None:
    """Within the scatter of five random starts."""
    rows = page.read("strength").set_index("what")
    for name in ("apgd_ce", "apgd_t", "fab_t", "square", "whole"):
        ours, theirs = (rows.loc[f"{name}: robust, {who}"] for who in ("ours", "torchattacks"))
        assert ours["value"] <= theirs["high"], name


def test_fidelity_says_what_was_measured_of_square(page: ModuleType) -> None:
    rows = page.read("square").set_index("what")["value"]
    said = (ROOT / "docs/fidelity.md").read_text().replace("\n", " ")
    for eps, there in (
        ("0.1", "leaves {} robust where the official positions leave {}"),
        ("0.2", "and {} where they leave {}"),
    ):
        all_positions, official = (
            rows[f"eps {eps}, positions {positions}, schedule fixed: robust"]
            for positions in ("all", "official")
        )
        assert f"{there.format(all_positions, official)} (eps {eps})" in said
    apart = [
        rows[f"eps {eps}, positions official, schedule rescaled: fewer than official"]
        for eps in ("0.1", "0.2")
    ]
    assert apart == [0, 0]


def test_every_target_is_for_a_number(page: ModuleType) -> None:
    rows = pd.concat(page.read(file.stem) for file in page.FOLDER.glob("*.csv"))
    names = [f"{row.what}, {row.unit}" for row in rows.itertuples()]
    for pattern in {**page.FLOORS, **page.CEILINGS}:
        assert any(page.re.search(pattern, name) for name in names), pattern

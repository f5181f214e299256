"""Kept metrics are compared with the grid before anything is drawn from them."""

import csv
from pathlib import Path

import pytest

from taet import params
from taet.blocks import Grid
from taet.errors import UserError
from taet.kept import check_kept
from tests.conftest import ROOT

COLUMNS = ("dataset", "imbalance_ratio", "architecture", "method", "seed", "checkpoint", "attack")
ROWS = [
    ("digits", "10", "small_cnn", method, seed, "last", attack)
    for method in ("pgd_at", "taet")
    for seed in (0, 1)
    for attack in ("clean", "pgd20")
]


@pytest.fixture
def metrics(tmp_path: Path) -> Path:
    file = tmp_path / "metrics.csv"
    with file.open("w", newline="") as lines:
        csv.writer(lines).writerows([COLUMNS, *ROWS])
    return file


def grid(**changed: list[object]) -> Grid:
    of_digits = params.load(ROOT / "params.yaml", "digits").grid
    small = {
        "imbalance_ratios": [10],
        "methods": ["taet", "pgd_at"],
        "seeds": [1],
        "attacks": ["pgd20"],
    }
    return Grid(**{**of_digits.model_dump(), **small, **changed})


def test_more_than_the_grid_names_is_no_fault(metrics: Path) -> None:
    check_kept(metrics, "s", grid())


@pytest.mark.parametrize(
    ("axis", "values", "said"),
    [
        ("methods", ["pgd_at", "adt"], "method adt"),
        ("attacks", ["pgd20", "apgd_ce_t"], "attack apgd_ce_t"),
        ("seeds", [0, 2], "seed 2"),
        ("imbalance_ratios", [10, 20], "imbalance ratio 20"),
        ("architectures", ["resnet18"], "architecture resnet18"),
    ],
)
def test_what_is_missing_is_named(
    metrics: Path, axis: str, values: list[object], said: str
) -> None:
    with pytest.raises(UserError) as refused:
        check_kept(metrics, "s", grid(**{axis: values}))
    text = str(refused.value)
    assert text.startswith(f"{metrics}: no rows of {said}, which study 's' has in params.yaml now")
    assert "keep.py s" in text
    assert "\n" not in text

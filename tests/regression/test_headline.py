"""The headline numbers have not moved: of a cut of the default study, run anew, and of what is kept."""

import json
import math
from pathlib import Path

import pytest
import yaml

from tests.conftest import copy_project
from tests.regression.expected import (
    CUT,
    FILE,
    HEADLINE,
    KEPT,
    REFERENCE,
    compare,
    flatten,
    measure,
)

ALIKE = ({"taet", "taet_bcl"}, {"at_bsl", "at_bsl_clean40"})  # variants whose numbers are


def expected(study: str = CUT) -> dict:
    return yaml.safe_load(FILE.read_text())[study]["numbers"]


@pytest.mark.kept
def test_headline_numbers(tmp_path: Path) -> None:
    tree = copy_project(tmp_path / "tree")
    tree.ok("snakemake", "--cores", "2", "tables", "--config", "study=digits_cut", timeout=1200)
    headline = json.loads((tree.path / "results/digits_cut/tables/headline.json").read_text())
    differences = compare(expected(), flatten(headline))
    assert not differences, f"headline numbers moved:\n{differences}"


@pytest.mark.parametrize("study", KEPT)
def test_kept_numbers(study: str) -> None:
    headline = json.loads((REFERENCE / study / "tables/headline.json").read_text())
    differences = compare(expected(study), flatten(headline))
    assert not differences, f"headline numbers moved:\n{differences}"


def test_every_kept_study_has_headline_numbers() -> None:
    """All methods and ratios, from the metrics that are kept now."""
    assert set(KEPT) == {file.parents[1].name for file in REFERENCE.glob("*/score/metrics.csv")}
    written = yaml.safe_load(FILE.read_text())
    assert list(written) == [CUT, *KEPT]
    for study in KEPT:
        assert written[study] == measure(study), (
            f"kept anew, or edited: python -m tests.regression.expected {study}"
        )
        assert all(set(numbers) == set(HEADLINE) for numbers in written[study]["numbers"].values())


def test_a_number_outside_its_band_is_seen() -> None:
    good = {
        cell: {m: v["value"] for m, v in metrics.items()} for cell, metrics in expected().items()
    }
    assert compare(expected(), good) == ""
    for cell, metrics in expected().items():
        for metric, want in metrics.items():
            for moved in (want["value"] + 1.01 * want["tolerance"], math.nan):
                bad = {**good, cell: {**good[cell], metric: moved}}
                assert compare(expected(), bad).startswith(f"{cell:34} {metric}")
    assert "is not in headline.yaml" in compare(expected(), {**good, "another cell": {}})
    missing = {cell: numbers for cell, numbers in good.items() if "taet_bcl" not in cell}
    assert compare(expected(), missing).count("taet_bcl") == len(HEADLINE)


# One seed has wide bands, variants of one method are alike, and so are several methods without a tail.
@pytest.mark.parametrize(
    "study", [CUT, "cifar10_small", "cifar10_small_gpu", "cifar10_small_gpu_ir10"]
)
def test_bands_are_narrow_enough_to_mean_something(study: str) -> None:
    """A method that trained as another one does would be seen: no cell is inside all bands of another."""
    cells = expected(study)
    for one, metrics in cells.items():
        for other, numbers in cells.items():
            inside = all(
                abs(numbers[m]["value"] - want["value"]) <= want["tolerance"]
                for m, want in metrics.items()
            )
            methods = {one.split()[-1], other.split()[-1]}
            assert one == other or methods in ALIKE or not inside, (one, other)

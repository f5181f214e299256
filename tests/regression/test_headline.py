"""Numbers have not moved: a cut of the default study, run anew, is what is saved of it; what is saved is what was."""

import json
import lzma
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from taet.errors import UserError
from taet.study.params.load import load_params
from taet.study.store.artifacts import write_manifest
from tests.conftest import ROOT, copy_project
from tests.regression import machines
from tests.regression.comparison import ALL, BANDS, STRONGER, Scores, bands, differences, moved
from tests.regression.expected import FILE, HEADLINE, REFERENCE, by_cell, measure, saved
from tests.regression.faults import faults

CUT, STUDY, RATIO = "digits_cut", "digits", "10"
SCORES = sorted(REFERENCE.glob("*/score"))


def seeds() -> list[int]:
    return load_params(ROOT / "params.yaml", CUT).grid.seeds


def of_cut(study: str = STUDY) -> Scores:
    return saved(study).of(RATIO, seeds())


@pytest.fixture(scope="module")
def expected() -> Scores:
    return of_cut()


@pytest.mark.headline
def test_a_run_gives_the_saved_numbers(tmp_path: Path, expected: Scores) -> None:
    tree = copy_project(tmp_path / "tree")
    tree.ok("snakemake", "--cores", "2", "score", "--config", f"study={CUT}", timeout=3600)
    found = Scores.read(tree.path / "results" / CUT / "score")
    lines = differences(expected, found)
    assert not lines, "numbers moved:\n" + "\n".join(lines)


def test_the_cut_trains_networks_of_the_default_study() -> None:
    cut, whole = (load_params(ROOT / "params.yaml", name) for name in (CUT, STUDY))
    grid = {"imbalance_ratios": [int(RATIO)], "seeds": whole.grid.seeds[: len(seeds())]}
    assert cut == whole.model_copy(
        update={"study": CUT, "grid": whole.grid.model_copy(update=grid)}
    )


def test_every_fault_is_seen(expected: Scores) -> None:
    tried = dict(faults(expected, of_cut("digits_ablation")))
    assert len(tried) == 9 + 11 * 10 + 17
    unseen = [name for name, numbers in tried.items() if not moved(expected.numbers, numbers)]
    assert not unseen


def test_a_number_outside_its_band_is_named(expected: Scores) -> None:
    number = ("accuracy", ALL, "balanced", "tail", "cw20")
    assert bands()[("accuracy", ALL, "balanced", "tail")] < 1.5
    found = expected.numbers.copy()
    for value in (found[number] + 1.5, np.nan):
        found[number] = value
        (line,) = moved(expected.numbers, found)
        assert line.startswith("accuracy all methods balanced tail cw20: expected 3")
    assert len(moved(expected.numbers, found.drop("taet", level="of"))) == 1 + sum(
        found.index.get_level_values("of") == "taet"
    )


def test_each_number_has_a_band(expected: Scores) -> None:
    numbers = expected.numbers
    band = numbers - numbers  # of each number, from what it is of
    for number in numbers.index:
        kind, of, test_set, scope, _ = number
        band[number] = bands()[kind, of if of == ALL else "one method", test_set, scope]
    for sign in (1, -1):
        assert moved(numbers, numbers + 0.99 * sign * band) == []
        assert len(moved(numbers, numbers + 1.01 * sign * band)) == len(numbers)


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("metrics", "eps", 0.1 - 1 / 255),
        ("metrics", "test_images", 49),
        ("training", "learning_rate", 0.001),
        ("training", "stage", 1),
    ],
)
def test_what_rounding_cannot_move_is_exact(
    expected: Scores, table: str, column: str, value: float
) -> None:
    rows = getattr(expected, table)
    rows = rows.assign(**{column: rows[column].mask(rows["method"] == "mart", value)})
    tables = {"metrics": expected.metrics, "training": expected.training, table: rows}
    assert differences(expected, Scores(**tables)) == [f"{table}.csv: another {column}"]
    tables[table] = getattr(expected, table).iloc[1:]
    assert f"{table}.csv: other rows" in differences(expected, Scores(**tables))


def test_a_missing_attack_is_named(expected: Scores) -> None:
    metrics = expected.metrics[expected.metrics["attack"] != "cw20"]
    lines = differences(expected, Scores(metrics, expected.training))
    assert "metrics.csv: other rows" in lines
    assert any(line.startswith("accuracy taet balanced tail cw20: ") for line in lines)


@pytest.mark.parametrize(("weaker", "stronger"), STRONGER)
def test_a_stronger_attack_leaves_no_more_images_right(
    expected: Scores, weaker: str, stronger: str
) -> None:
    swapped = expected.metrics.replace({"attack": {weaker: stronger, stronger: weaker}})
    lines = differences(expected, Scores(swapped, expected.training))
    assert f"{stronger} is weaker than {weaker}" in lines


def test_the_same_networks_from_other_runs_are_within_bands(expected: Scores) -> None:
    """These studies share networks with the default one; at least one of them has trained them elsewhere."""
    farthest = []
    for study in ("digits_ablation", "digits_precision"):
        other = of_cut(study).numbers.drop(ALL, level="of")
        shared = other.index.intersection(expected.numbers.index)
        assert len(shared) > 100
        assert moved(expected.numbers[shared], other[shared]) == []
        farthest.append((other[shared] - expected.numbers[shared]).abs().max())
    assert max(farthest) > 0


def test_bands_are_from_what_machines_have_shown() -> None:
    rows = pd.read_csv(BANDS, keep_default_na=False)
    assert rows["band"].tolist() == machines.band(rows).tolist()
    runs = [["git", "cat-file", "-e", run] for run in machines.RUNS]
    if any(subprocess.run(run, cwd=ROOT, stderr=subprocess.DEVNULL).returncode for run in runs):
        pytest.skip("a clone without history: the runs that bands are from are not there")
    pd.testing.assert_frame_equal(machines.moves(), rows)


def test_what_is_saved_is_what_was() -> None:
    assert yaml.safe_load(FILE.read_text()) == measure(), (
        "saved anew, or edited: python -m tests.regression.expected"
    )


def test_edits_by_hand_are_noticed(tmp_path: Path) -> None:
    """A number moved by three points, in a file and with its manifest; a band three times as wide."""
    written = yaml.safe_load(FILE.read_text())
    score = tmp_path / STUDY / "score"
    shutil.copytree(REFERENCE / STUDY / "score", score)
    assert measure(tmp_path) == {name: written[name] for name in (BANDS.name, STUDY)}

    metrics = score / "metrics.csv.xz"
    text = lzma.decompress(metrics.read_bytes()).decode()
    head, line = (row.split(",") for row in text.splitlines()[:2])
    accuracy = line[head.index("accuracy")]
    moved_by_three = [f"{float(accuracy) + 0.03:.6f}" if v == accuracy else v for v in line]
    changed = text.replace(",".join(line), ",".join(moved_by_three))
    metrics.write_bytes(lzma.compress(changed.encode()))
    with pytest.raises(UserError, match=r"metrics\.csv"):
        measure(tmp_path)
    manifest = json.loads((score / "manifest.json").read_text())
    write_manifest(score, manifest["key"], list(manifest["files"]))
    assert measure(tmp_path)[STUDY] != written[STUDY]

    rows = pd.read_csv(BANDS, keep_default_na=False)
    wider = tmp_path / BANDS.name
    rows.assign(band=3 * rows["band"]).to_csv(wider, index=False, lineterminator="\n")
    assert measure(tmp_path, wider)[BANDS.name] != written[BANDS.name]


@pytest.mark.parametrize("score", SCORES, ids=lambda score: score.parent.name)
def test_headline_numbers_are_those_of_the_metrics(score: Path) -> None:
    headline = json.loads((score.parent / "tables/headline.json").read_text())["balanced"]
    for (dataset, ratio, architecture, method), numbers in by_cell(score).iterrows():
        shown = headline[dataset][f"ir{ratio}"][architecture][method]
        assert {name: shown[name] for name in HEADLINE} == numbers.round(3).to_dict()

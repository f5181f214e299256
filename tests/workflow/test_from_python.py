"""The package from Python, on a study that has run."""

import sys

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.numpy import load_file

import taet
from taet.compute.folding import folded
from taet.scores.summary import read_rows
from taet.study.store import artifacts
from tests.conftest import ROOT, Tree

pytestmark = pytest.mark.study

PLACE = "digits/ir10/small_cnn"
METHODS = ["pgd_at", "taet_bcl", "taet"]
SAME = ["scope", "class_index", "train_images", "test_images"]
NUMBERS = ["accuracy", "accuracy_se", "balanced_accuracy", "balanced_accuracy_se", "eps"]


@pytest.mark.parametrize("method", METHODS)
def test_verdicts_are_those_of_the_study(
    finished: Tree, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(finished.path)
    model = taet.load_model(f"results/tiny/equalize/{PLACE}/{method}/seed0.safetensors")
    stored = load_file(f"results/tiny/attack/{PLACE}/{method}/seed0/last/gradient.safetensors")
    images = load_file("data/raw/digits/images.safetensors")["images"][stored["index"]]
    x = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 16
    with folded(model), torch.no_grad():
        clean = model(x).argmax(1).numpy()
    assert np.array_equal(clean, stored["clean"])

    split, facts = artifacts.read_arrays(
        finished.path / "data/longtail/tiny/digits/ir10/seed0.safetensors"
    )
    found = taet.evaluate(model, "digits", train_counts=facts["class_counts"])
    metrics = read_rows("results/tiny/score/metrics.csv")
    metrics["class_index"] = pd.to_numeric(metrics["class_index"])
    metrics = metrics[(metrics["method"] == method) & (metrics["test_set"] == "balanced")]
    assert len(split["test"]) == found["test_images"].max()
    attacks = list(metrics["attack"][~metrics["attack"].isin(["worst2", "worst"])].unique())
    assert len(attacks) == 5
    for ours, theirs in [*zip(attacks, attacks, strict=True), ("worst of these", "worst")]:
        one = found[found["attack"] == ours].reset_index(drop=True)
        other = metrics[metrics["attack"] == theirs].reset_index(drop=True)
        for column in SAME:
            assert list(one[column].fillna(-1)) == list(other[column].fillna(-1)), column
        # Batches are cut differently, so the last bits differ, and an image may for once fall otherwise.
        off = (one["accuracy"] - other["accuracy"]).abs() * one["test_images"]
        assert off.max() < 1.01, ours
        assert off.sum() < 5, ours
        if off.max() < 0.01:
            pd.testing.assert_frame_equal(
                one[NUMBERS], other[NUMBERS], check_dtype=False, atol=1e-6
            )


def test_example(finished: Tree) -> None:
    path = f"results/tiny/equalize/{PLACE}/taet/seed0.safetensors"
    said = finished.ok(sys.executable, str(ROOT / "examples/evaluate_a_model.py"), path)
    lines = said.splitlines()
    assert [line.split()[0] for line in lines[2:6]] == ["clean", "PGD-20", "CW-Linf-20", "worst"]
    assert all("100" in line.split() for line in lines[2:6])
    assert "warning, PGD-20: called PGD-20, but takes 2 steps" in said
    assert "least robust under PGD-20: class" in said


def test_example_is_short() -> None:
    assert len((ROOT / "examples/evaluate_a_model.py").read_text().splitlines()) <= 25

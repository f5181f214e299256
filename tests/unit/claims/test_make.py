"""A claim of a model: its numbers are those of ``taet.evaluate`` on the same images."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import taet
from taet.api.verdict_frame import WORST
from taet.claims import claim as files
from taet.claims.check import checked
from taet.claims.images import ImageLists, check_untouched
from taet.claims.make import make_claim, weights_digest
from taet.errors import UserError
from taet.scores.bits import read_bits, to_hex
from taet.scores.summary import read_rows
from tests.conftest import ROOT

QUICK = ["fgsm", "pgd20"]


def small_model(seed: int = 0) -> nn.Module:
    """A linear classifier."""
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))


@pytest.fixture(scope="module")
def quick(lists: ImageLists) -> ImageLists:
    """The protocol with two attacks, which take a second."""
    claim = lists.params.claim.model_copy(update={"attacks": QUICK})
    params = lists.params.model_copy(update={"claim": claim})
    return ImageLists(params, lists.folders, lists.cache)


@pytest.fixture(scope="module")
def model() -> nn.Module:
    return taet.load("digits/taet", ir=10, results=ROOT / "results")


@pytest.fixture(scope="module")
def made(quick: ImageLists, model: nn.Module) -> dict[str, Any]:
    return make_claim(model, "digits", 10.0, "TAET", quick, passes=396.0)


def test_numbers_are_those_of_evaluate(
    made: dict[str, Any], model: nn.Module, quick: ImageLists
) -> None:
    frame = taet.evaluate(
        model, "digits", QUICK, study="digits", parameters=ROOT / "params.yaml", cache=quick.cache
    )
    rows = frame[frame["scope"] == "all"].set_index("attack")
    worst = frame[frame["scope"] == "worst_class"].set_index("attack")
    numbers = made["numbers"]["balanced"]
    assert set(numbers) == {"clean", *QUICK, "worst"}
    for attack in ("clean", *QUICK, WORST):
        given = numbers["worst" if attack == WORST else attack]
        assert given["images"] == rows["test_images"][attack] == 500
        assert given["balanced_accuracy"]["value"] == pytest.approx(
            rows["balanced_accuracy"][attack], abs=1e-6
        )
        for key, column in {
            "value": "accuracy",
            "low": "accuracy_low",
            "high": "accuracy_high",
        }.items():
            assert given["accuracy"][key] == pytest.approx(rows[column][attack], abs=1e-6)
            assert given["worst_class"][key] == pytest.approx(worst[column][attack], abs=1e-6)
    assert 0.2 < numbers["worst"]["accuracy"]["value"] < numbers["clean"]["accuracy"]["value"]


def test_bits_are_the_saved_ones(made: dict[str, Any]) -> None:
    """Image by image, those of the saved study: there in the order of the data set, here by class."""
    folder = ROOT / "results/reference/digits/score"
    tables = [read_rows(folder / f"{name}.csv.xz") for name in ("images", "correct")]
    images, correct = (
        table[(table["imbalance_ratio"] == "10") & (table["seed"] == 0)] for table in tables
    )
    saved = read_bits(images, correct[correct["method"] == "taet"])
    (bits,) = saved.values()
    order = np.argsort(bits["label"], kind="stable")
    for attack in ("clean", *QUICK):
        assert made["correct"][attack] == to_hex(bits[attack][order])
    assert made["images"]["long_tailed"] == to_hex(bits["long_tailed"][order])


def test_a_claim_passes_its_check(made: dict[str, Any], quick: ImageLists, tmp_path: Path) -> None:
    files.write(tmp_path / "claims/a.json", made)
    claim = checked(tmp_path / "claims/a.json", quick)
    assert (claim.name, claim.passes) == ("TAET", 396)
    assert {"python", "torch", "taet", "numpy", "code", "device"} == claim.made_with.keys()
    assert (tmp_path / "claims/a.json").stat().st_size < 12_000


def test_a_warning_is_in_the_claim(quick: ImageLists) -> None:
    """Of a model that gives one class, and of its gradients."""
    constant = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    nn.init.zeros_(constant[1].weight)
    made = make_claim(constant, "digits", 10.0, "constant", quick)
    assert made["passes"] is None
    assert any("one class" in line for line in made["warnings"])
    assert len(set(made["warnings"])) == len(made["warnings"])


def test_the_digest_is_of_the_weights() -> None:
    one, same, other = small_model(0), small_model(0), small_model(1)
    assert weights_digest(one) == weights_digest(same) != weights_digest(other)
    with torch.no_grad():
        same[1].bias[3] += 1e-7
    assert weights_digest(one) != weights_digest(same)
    assert weights_digest(one.to(torch.bfloat16)) != weights_digest(small_model(0))
    assert weights_digest(nn.Flatten())


def test_a_network_that_was_trained_on_the_test_images(lists: ImageLists) -> None:
    images = lists.of("digits", 10.0)
    check_untouched(images, 0, 0)
    check_untouched(images, None, 0)
    with pytest.raises(UserError, match="trained with the split of seed 1, so on some of the test"):
        check_untouched(images, 1, 0)

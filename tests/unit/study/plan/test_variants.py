"""Methods that are one method with different options."""

import pytest

from taet.study.params import blocks
from taet.study.params.load import load_params
from taet.study.plan.variants import STABILIZATION, STABILIZATION_EPOCHS, largest_group, variants
from tests.conftest import ROOT


@pytest.fixture
def ablation() -> blocks.Params:
    return load_params(ROOT / "params.yaml", "digits_ablation")


def test_only_what_differs_is_told(ablation: blocks.Params) -> None:
    (only,) = variants(ablation).items()
    kind, methods = only
    assert kind == "taet"
    assert list(methods) == ablation.grid.methods
    assert methods["taet_bcl"] == {
        STABILIZATION: "clean",
        STABILIZATION_EPOCHS: 11,
        "alpha": 0.1,
        "beta": 0.0,
        "gamma": 0.0,
    }
    assert methods["taet_0"][STABILIZATION] is None
    assert methods["taet_0"][STABILIZATION_EPOCHS] == 0
    assert methods["taet_adversarial"][STABILIZATION] == "pgd_at"


def test_add_ons_and_training_are_told() -> None:
    differences = variants(load_params(ROOT / "params.yaml", "digits_addons"))["at_bsl"]
    assert differences["at_bsl_ema"]["weight_average.decay"] == 0.999
    assert differences["at_bsl"]["weight_average.decay"] is None
    assert variants(load_params(ROOT / "params.yaml", "cifar10_faithful")) == {}


def test_sweeps(ablation: blocks.Params) -> None:
    methods = variants(ablation)["taet"]
    assert largest_group(methods, (STABILIZATION_EPOCHS,)) == [
        "taet",
        "taet_0",
        "taet_20",
        "taet_60",
    ]
    weights = largest_group(methods, ("alpha", "beta", "gamma"))
    assert len(weights) == 14
    assert not {"taet_0", "taet_20", "taet_60", "taet_adversarial"} & set(weights)
    assert largest_group({m: {"alpha": 1} for m in "ab"}, ("beta",)) == []

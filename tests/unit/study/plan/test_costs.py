"""Passes of whole trainings by hand."""

from taet.study.params.load import load_params
from taet.study.plan.costs import passes, training_passes
from tests.conftest import ROOT

PAPER = load_params(ROOT / "params.yaml", "cifar10_lt")


def step_passes(method: str) -> float:
    """Of the last epoch of the training."""
    return passes(PAPER, method, 99, 100)


def test_steps() -> None:
    assert step_passes("clean") == 2
    assert step_passes("pgd_at") == 22
    assert step_passes("trades") == 25
    assert step_passes("at_bsl_awp") == 24, "one pass more each way, for the worst weights"
    assert step_passes("cfa") == step_passes("dafa") == 25, "on TRADES"
    assert step_passes("bsl_trades") == step_passes("wat") == step_passes("frl") == 25
    assert step_passes("at_bsl_kl") == 24, "clean images enter the loss alone"
    assert step_passes("cfa_at") == step_passes("dafa_at") == 22, "on PGD-AT"
    assert step_passes("las_at") == 2 * 9.5 + 45 / 20


def test_extra_clean_pass_of_taet() -> None:
    taet = PAPER.methods["taet"].model_copy(update={"extra_clean_forward": True})
    params = PAPER.model_copy(update={"methods": PAPER.methods | {"taet": taet}})
    assert passes(params, "taet", 99, 100) == step_passes("taet") + 1 == 23


def test_no_worst_weights_before_the_warmup_ends() -> None:
    method = PAPER.methods["at_bsl_awp"]
    assert method.weight_perturbation is not None
    perturbation = method.weight_perturbation.model_copy(update={"warmup_epochs": 10})
    late = method.model_copy(update={"weight_perturbation": perturbation})
    params = PAPER.model_copy(update={"methods": PAPER.methods | {"at_bsl_awp": late}})
    assert training_passes(params, "at_bsl_awp") == 10 * 22 + 90 * 24
    assert passes(params, "at_bsl_awp", 4, 12) == 6 * 22 + 2 * 24


def test_trainings() -> None:
    assert training_passes(PAPER, "at_bsl") == 100 * 22
    assert training_passes(PAPER, "taet") == 40 * 2 + 60 * 22
    assert training_passes(PAPER, "taet_adversarial") == training_passes(PAPER, "pgd_at")
    chained = load_params(ROOT / "params.yaml", "digits_ablation")
    assert training_passes(chained, "taet_60") == 17 * 2 + 11 * 22

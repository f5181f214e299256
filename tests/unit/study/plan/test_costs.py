"""Passes of whole trainings by hand."""

from taet.study.params.load import load_params
from taet.study.plan.costs import step_passes, training_passes
from tests.conftest import ROOT

PAPER = load_params(ROOT / "params.yaml", "cifar10_lt")


def test_steps() -> None:
    assert step_passes(PAPER, "clean") == 2
    assert step_passes(PAPER, "pgd_at") == 22
    assert step_passes(PAPER, "trades") == 25
    assert step_passes(PAPER, "at_bsl_awp") == 24, "one pass more each way, for the worst weights"
    assert step_passes(PAPER, "cfa") == step_passes(PAPER, "dafa") == 25, "on TRADES"
    assert step_passes(PAPER, "cfa_at") == step_passes(PAPER, "dafa_at") == 22, "on PGD-AT"
    assert step_passes(PAPER, "las_at") == 2 * 9.5 + 45 / 20


def test_trainings() -> None:
    assert training_passes(PAPER, "at_bsl") == 100 * 22
    assert training_passes(PAPER, "taet") == 40 * 2 + 60 * 22
    assert training_passes(PAPER, "taet_adversarial") == training_passes(PAPER, "pgd_at")
    chained = load_params(ROOT / "params.yaml", "digits_ablation")
    assert training_passes(chained, "taet_60") == 17 * 2 + 11 * 22

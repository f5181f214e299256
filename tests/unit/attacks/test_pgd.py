"""What PGD, CW-Linf and FGSM are made of: every step that the options name, in the parts that share them."""

import pytest

from taet.adversary.descent import Descent
from taet.adversary.objectives import CrossEntropy, Margin
from taet.attacks import cw_linf, fgsm, pgd
from taet.study.params import blocks


def changed(digits: blocks.Params, name: str, **changes: object) -> object:
    return digits.attacks[name].model_copy(update={"start": "uniform", "step_size": 0.01} | changes)


@pytest.mark.parametrize("convention", ["any_iterate", "last_iterate"])
@pytest.mark.parametrize("steps", [20, 100])
def test_every_restart_has_all_steps(digits: blocks.Params, steps: int, convention: str) -> None:
    options = {"steps": steps, "convention": convention, "restarts": 3}
    ours = pgd.parts(changed(digits, "pgd100", **options))
    assert ours == tuple(
        Descent(f"PGD-{steps}", CrossEntropy(), "uniform", 0.01, steps, convention, restart)
        for restart in range(3)
    )
    ours = cw_linf.parts(changed(digits, "cw20", confidence=50.0, **options))
    assert ours == tuple(
        Descent(f"CW-Linf-{steps}", Margin(50.0), "uniform", 0.01, steps, convention, restart)
        for restart in range(3)
    )


def test_fgsm_is_one_step(digits: blocks.Params) -> None:
    assert fgsm.parts(digits.attacks["fgsm"]) == (
        Descent("FGSM", CrossEntropy(), "zero", None, 1, "any_iterate"),
    )


def test_attacks_that_differ_in_steps_alone_share_them(digits: blocks.Params) -> None:
    attacks = {
        name: changed(digits, "pgd20", **{"convention": "any_iterate", "restarts": 1} | changes)
        for name, changes in {
            "20": {"steps": 20},
            "100": {"steps": 100},
            "other": {"steps": 50, "step_size": 0.02},
            "again": {"steps": 40, "restarts": 2},
            "last": {"steps": 30, "convention": "last_iterate"},
            "last of more": {"steps": 60, "convention": "last_iterate"},
        }.items()
    }
    chains = pgd.chains(attacks)
    steps = {name: [(p.steps, p.continues) for p in chain] for name, chain in chains.items()}
    assert steps == {
        "20": [(20, False)],
        "100": [(20, False), (80, True)],
        "other": [(50, False)],
        "again": [(40, False), (40, False)],
        "last": [(30, False)],
        "last of more": [(60, False)],
    }

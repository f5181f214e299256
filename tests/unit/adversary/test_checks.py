"""Warnings appear on one side of each limit, and not on the other."""

import pytest
import torch
from torch import nn

from taet.adversary.apgd import Apgd
from taet.adversary.checks import check_adversarial
from taet.adversary.descent import Descent, Start
from taet.adversary.noise import Noise
from taet.adversary.objectives import CrossEntropy
from taet.adversary.parts import AttackInput
from taet.adversary.square import Square
from taet.adversary.warnings import chain_warnings, clean_warnings, reach_warnings
from taet.errors import UserError

EPS = 0.1
APGD, SQUARE = Apgd("APGD", "linf", "ce", 10), Square("Square", "linf", 10)


@pytest.mark.parametrize(("alone", "warned"), [(1, False), (2, False), (3, True), (9, True)])
def test_square_alone(alone: int, warned: bool) -> None:
    """0.2 % of 1,000 images is not yet suspicious."""
    broken_by = torch.cat([torch.ones(alone), -torch.ones(1000 - alone)]).long()
    warnings = chain_warnings([APGD, SQUARE], broken_by, 10, 1000)
    assert bool(warnings) == warned
    if warned:
        assert warnings[0].startswith(f"Square broke {alone / 10:.1f}% of the images")
    assert not chain_warnings([SQUARE], 1 + broken_by, 10, 1000), "by itself it is all there is"


def descent(steps: int, start: Start, size: float | None, continues: bool = False) -> Descent:
    return Descent("PGD", CrossEntropy(), start, size, steps, "any_iterate", continues=continues)


@pytest.mark.parametrize(
    ("parts", "short"),
    [
        ([descent(10, "zero", 0.01)], False),
        ([descent(9, "zero", 0.01)], True),
        ([descent(10, "uniform", 0.01)], True),
        ([descent(19, "uniform", 0.01)], True),
        ([descent(20, "uniform", 0.01)], False),
        ([descent(15, "uniform", 0.01), descent(5, "uniform", 0.01, continues=True)], False),
        ([descent(15, "uniform", 0.01), descent(4, "uniform", 0.01, continues=True)], True),
        ([descent(20, "uniform", 0.01), descent(10, "uniform", 0.01)], True),
        ([descent(1, "zero", None)], False),
    ],
)
def test_steps_that_cannot_cross_the_ball(parts: list[Descent], short: bool) -> None:
    assert bool(reach_warnings(parts, EPS)) == short


def test_one_class_for_all_images() -> None:
    assert "collapsed" in clean_warnings(torch.tensor([2, 2, 2]), 3)[0]
    assert clean_warnings(torch.tensor([2, 2, 1]), 3) == []


@pytest.mark.parametrize(("moved", "fine"), [(0.0999, True), (0.1, True), (0.1001, False)])
def test_images_outside_the_ball_stop_the_evaluation(moved: float, fine: bool) -> None:
    x, y = torch.full((2, 1, 2, 2), 0.5), torch.zeros(2, dtype=torch.int64)
    inputs = AttackInput(nn.Identity(), x, y, EPS, Noise(0, torch.arange(2)), 2, x)
    x_adv = x.clone()
    x_adv[1, 0, 1, 1] += moved
    if fine:
        check_adversarial(SQUARE, x_adv, inputs)
    else:
        with pytest.raises(UserError, match=r"exceeds eps = 0\.1"):
            check_adversarial(SQUARE, x_adv, inputs)

"""APGD against algorithm 1 of its paper, for one image."""

from typing import Any

import numpy as np
import pytest
import torch

from taet.adversary.apgd import _State
from tests.unit.attacks.literal import (
    Array,
    Gain,
    again,
    apgd,
    ball,
    cross_entropy,
    dlr,
    dlr_targeted,
    length,
    normal,
    uniform,
)
from tests.unit.attacks.scenes import INDEX, LABELS, SEED, curved, inputs, parts, run, torch_of

NET, IMAGES = curved()
RADIUS = {"linf": 0.06, "l2": 0.2}


def first(x: Array, loss: str, rank: int, norm: str, restart: int, index: int) -> Array:
    """On the surface of the ball, unless [0,1] cuts it."""
    given = (again(SEED, restart), f"apgd {loss} {rank}", index, len(x))
    way = 2 * uniform(*given) - 1 if norm == "linf" else normal(*given)
    return ball(x + RADIUS[norm] * way / length(way, norm), x, RADIUS[norm], norm)


@pytest.mark.parametrize("steps", [1, 2, 3, 10, 40])
@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("component", ["apgd_ce", "apgd_dlr", "apgd_t"])
def test_steps(component: str, norm: Any, steps: int) -> None:
    eps = RADIUS[norm]
    chain = parts("autoattack", components=[component], norm=norm, steps=steps, eps=eps, restarts=2)
    assert len(chain) == (6 if component == "apgd_t" else 2)
    for part in chain:
        x_adv = run(part, NET, IMAGES, eps)
        for x, y, index, ours in zip(IMAGES, LABELS, INDEX, x_adv, strict=True):
            order = np.argsort(-NET.at(x))
            gains: dict[str, Gain] = {
                "ce": cross_entropy(),
                "dlr": dlr,
                "dlr_targeted": dlr_targeted(int(order[part.rank])),
            }
            begin = first(x, part.loss, part.rank, norm, part.restart, index)
            theirs = apgd(NET, x, y, gains[part.loss], eps, norm, first=begin, steps=steps)
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-6, err_msg=f"{part} {y}")
            assert length(ours - x, norm) <= eps * (1 + 1e-6)


def test_the_first_checkpoint_halves_no_step_size_of_a_rising_objective() -> None:
    """4 of 5 steps rise, though never above the start; only a second such checkpoint halves the step size."""
    eps, x = 0.06, torch_of(IMAGES)
    start = torch.ones(len(x))
    state = _State.begin(
        inputs(NET, IMAGES, eps), torch.tensor(LABELS), x, torch.ones_like(x), start
    )
    for expected in (2 * eps, eps):
        for value in (0.0, 0.1, 0.2, 0.3, 0.4):
            state.update(torch.ones_like(x), value * start)
        state.adapt(5)
        assert state.step_size.tolist() == [expected] * len(x)

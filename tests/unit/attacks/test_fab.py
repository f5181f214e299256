"""FAB on linear networks: each iterate in closed form."""

import numpy as np
import pytest
import torch

from taet.adversary.fab import Fab
from tests.unit.attacks.literal import Array
from tests.unit.attacks.scenes import IMAGE, LABELS, RIVAL, one_rival, run, torch_of

GAP = 0.5
# To the boundary, by the shortest way.
STEP = {
    "linf": GAP * np.sign(RIVAL) / np.abs(RIVAL).sum(),
    "l2": GAP * RIVAL / (RIVAL @ RIVAL),
}


def size(step: Array, norm: str) -> float:
    return float(np.abs(step).max() if norm == "linf" else np.sqrt(step @ step))


@pytest.mark.parametrize("y", LABELS)
@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize(
    ("eps", "steps", "reach"),
    [
        (1.06, 1, 1.05),  # beyond the boundary by 5 per cent of the way
        (1.04, 1, 0.0),  # too far out; the clean image is given back
        # Back to 0.9 x 1.05 = 0.945, on the right side. From there both ways lead to 1.05 times what is
        # left, 0.055, and the whole; mixed by the share of the shorter, 0.055 / 1.055.
        (1.04, 2, (1 - 0.055 / 1.055) * (0.945 + 1.05 * 0.055) + 0.055 / 1.055 * 1.05),
        # 0.9 of the way from the clean image to 1.0052, not from the iterate at 0.945: then to 1.0087.
        (1.004, 3, 0.0),
        (0.99, 5, 0.0),
    ],
)
def test_iterates(norm: str, eps: float, steps: int, reach: float, y: int) -> None:
    net, _ = one_rival(y, GAP)
    radius = eps * size(STEP[norm], norm)
    x_adv = run(Fab("f", norm, steps, 1), net, IMAGE[None], radius, [y])[0]
    np.testing.assert_allclose(x_adv, IMAGE + reach * STEP[norm], rtol=0, atol=1e-9)


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize(("aside", "share"), [(0.25, 0.1), (0.95, 0.05 / 1.05)])
def test_share_of_the_clean_image(aside: float, share: float, norm: str) -> None:
    """What is left of the way from the iterate, against that and the whole way; at most a tenth."""
    iterate = IMAGE + aside * STEP[norm] + np.array([0.0, 0.0, 0.03, 0.0, 0.0, -0.05])  # 0 on RIVAL
    gap = torch.tensor([RIVAL @ (iterate - IMAGE) - GAP])
    moved = Fab("f", norm, 1, 1)._step(torch_of(IMAGE), torch_of(iterate), torch_of(RIVAL), gap)
    from_iterate = iterate + 1.05 * (1 - aside) * STEP[norm]
    expected = (1 - share) * from_iterate + share * (IMAGE + 1.05 * STEP[norm])
    np.testing.assert_allclose(moved.flatten(), expected, rtol=0, atol=1e-9)

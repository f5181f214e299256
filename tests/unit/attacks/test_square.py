"""Square in the L-inf ball against a second version for one image; in the L2 ball, what must hold."""

import itertools
import math

import numpy as np
import pytest
import torch

from taet.adversary.square import Square, _bump, _square_l2
from tests.unit.attacks.literal import Array, Net, again, others, uniform, words
from tests.unit.attacks.scenes import INDEX, LABELS, SEED, SQUARES, curved, run, target, torch_of

EPS = 0.03
NET, IMAGES = curved()
HEIGHT, WIDTH = 2, 3


def signs(seed: int, purpose: str, index: int, count: int) -> Array:
    return np.array([1.0 if word >> 63 else -1.0 for word in words(seed, purpose, index, count)])


def square(
    net: Net, x: Array, y: int, seed: int, index: int, queries: int, habits: dict[str, str]
) -> Array:
    """Andriushchenko et al. 2020, algorithms 1 and 2, and two habits of AutoAttack."""
    fewer = habits.get("positions") == "official"  # the last row and column are not reached
    x = x.reshape(HEIGHT, WIDTH)

    def margin(at: Array) -> float:
        z = net.at(at.flatten())
        return float(z[y] - max(others(z, y)))

    best = np.clip(x + EPS * signs(seed, "square stripes", index, WIDTH), 0, 1)
    for query in range(queries):
        if margin(best) < 0:
            break
        fixed = habits.get("schedule") == "fixed"
        scaled = query if fixed else int(query / queries * 10_000)
        halved = sum(scaled > at for at in (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000))
        side = max(round(math.sqrt(0.8 / 2**halved * HEIGHT * WIDTH)), 1)
        side = min(side, HEIGHT, WIDTH)
        down, across = uniform(seed, f"square place {query}", index, 2)
        top, left = (
            int(u * max(full - side + 1 - fewer, 1))
            for u, full in ((down, HEIGHT), (across, WIDTH))
        )
        (sign,) = signs(seed, f"square sign {query}", index, 1)
        proposed = best.copy()
        window = np.s_[top : top + side, left : left + side]
        proposed[window] = np.clip(x[window] + EPS * sign, 0, 1)
        if margin(proposed) < margin(best):
            best = proposed
    return best.flatten()


HABITS = [
    dict(zip(SQUARES, values, strict=True)) for values in itertools.product(*SQUARES.values())
]


@pytest.mark.parametrize("habits", HABITS)
@pytest.mark.parametrize("queries", [1, 2, 200])
@pytest.mark.parametrize("restart", [0, 1, 2])
def test_linf(restart: int, queries: int, habits: dict[str, str]) -> None:
    x_adv = run(Square("s", "linf", queries, restart=restart, **habits), NET, IMAGES, EPS)
    for x, y, index, ours in zip(IMAGES, LABELS, INDEX, x_adv, strict=True):
        theirs = square(NET, x, y, again(SEED, restart), index, queries, habits)
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-8)


def worst(images: Array) -> Array:
    """Margins: what Square makes small."""
    logits = NET(torch_of(images)).numpy()
    return np.array([z[y] - max(others(z, y)) for z, y in zip(logits, LABELS, strict=True)])


def test_l2() -> None:
    """On the surface of the ball where [0,1] lets it; more queries never leave a larger margin."""
    assert torch.get_default_dtype() == torch.float64
    few, many = (
        run(Square("s", "l2", queries, restart=1), NET, IMAGES, 0.05) for queries in (1, 100)
    )
    lengths = np.sqrt(((many - IMAGES) ** 2).sum(1))
    assert lengths.max() <= 0.05 * (1 + 1e-6)
    assert lengths == pytest.approx(0.05, rel=0.2)
    assert (worst(many) <= worst(few)).all()
    assert (worst(many) < worst(IMAGES)).all()


def proposal(x: Array, best: Array, eps: float, index: int, query: int) -> Array:
    """L2, for windows of one pixel: it takes up the norm of another, and what the ball has left."""
    u = uniform(SEED, f"square place {query}", index, 5)
    (sign,) = signs(SEED, f"square sign {query}", index, 1)
    into, out_of = (int(u[i] * HEIGHT) * WIDTH + int(u[i + 1] * WIDTH) for i in (0, 2))
    delta = best - x
    tiny = 1e-12  # where the signs differ, it decides
    way = sign * _bump(1, torch.ones(1)).item() + delta[into] / (tiny + abs(delta[into]))
    left = max(eps**2 - delta @ delta, 0) + sum(delta[i] ** 2 for i in {into, out_of})
    delta[out_of] = 0
    delta[into] = way / (tiny + abs(way)) * math.sqrt(left)
    return np.clip(x + eps * delta / np.sqrt(delta @ delta), 0, 1)


def test_proposals_of_l2() -> None:
    random, eps = np.random.default_rng(0), 0.1
    best = np.clip(IMAGES + 0.02 * random.normal(size=IMAGES.shape), 0, 1)
    for query in range(20):
        given = (target(NET, IMAGES, eps), torch_of(best), 0.1, query)
        x_adv = _square_l2(*given, 0).flatten(1).numpy()
        for x, near, index, ours in zip(IMAGES, best, INDEX, x_adv, strict=True):
            np.testing.assert_allclose(
                ours, proposal(x, near, eps, index, query), rtol=0, atol=1e-5
            )

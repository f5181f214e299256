"""Square against a second version for one image: whole searches in the L-inf ball, proposals in the L2 ball."""

import itertools
import math

import numpy as np
import pytest
import torch

from taet.adversary.noise import Noise
from taet.adversary.parts import AttackInput
from taet.adversary.square import Square, _bump, _square_l2, _tiles
from tests.unit.attacks.literal import Array, Net, again, others, uniform, words
from tests.unit.attacks.scenes import INDEX, LABELS, SEED, SQUARES, curved, inputs, run, torch_of

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


def test_sizes_of_squares() -> None:
    """The share is halved after queries 10, 50, 200, 500, 1000, 2000, 4000, 6000 and 8000."""
    fixed = {
        0.8: (0, 10), 0.4: (11, 50), 0.2: (51, 200), 0.1: (201, 500), 0.05: (501, 1000),
        0.025: (1001, 2000), 0.0125: (2001, 4000), 0.00625: (4001, 6000), 0.003125: (6001, 8000),
        0.0015625: (8001, 9999),
    }  # fmt: skip
    for share, queries in fixed.items():
        assert [Square("s", "linf", 10_000)._share(query) for query in queries] == [share] * 2
    rescaled = Square("s", "linf", 100, schedule="rescaled")  # a query counts for a hundred
    assert [rescaled._share(query) for query in (0, 1, 2, 3, 5, 6)] == [
        0.8,
        0.2,
        0.2,
        0.1,
        0.1,
        0.05,
    ]


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
        given = (inputs(NET, IMAGES, eps), torch_of(best), 0.1, query)
        x_adv = _square_l2(*given, 0).flatten(1).numpy()
        for x, near, index, ours in zip(IMAGES, best, INDEX, x_adv, strict=True):
            np.testing.assert_allclose(
                ours, proposal(x, near, eps, index, query), rtol=0, atol=1e-5
            )


def test_bump() -> None:
    """Halves of 2 and 3 rows; 1/9 in ring 2 around the middle, 1/4 more in ring 1, 1 more in the middle."""
    a, b, c = 1 / 9, 1 / 9 + 1 / 4, 1 / 9 + 1 / 4 + 1
    upper = np.array([[a, b, b, b, a], [a, b, c, b, a]])
    lower = np.array([[a, b, b, b, a], [a, b, c, b, a], [a, b, b, b, a]])
    halves = [upper / np.sqrt((upper**2).sum()), -lower / np.sqrt((lower**2).sum())]
    bump = _bump(5, torch.ones(1)).numpy()
    np.testing.assert_allclose(bump, np.concatenate(halves) / np.sqrt(2), rtol=0, atol=1e-7)


def coloured(height: int, width: int, eps: float) -> AttackInput:
    """Grey images of two channels, whose changes [0,1] never cuts."""
    x = torch.full((len(INDEX), 2, height, width), 0.5)
    noise = Noise(SEED, torch.tensor(INDEX))
    return AttackInput(torch.nn.Identity(), x, torch.tensor(LABELS), eps, noise, 3, x)


def test_tiles_of_l2() -> None:
    """A tile of 2 x 2 pixels in each of 5 x 5 places of an image of 12 x 11, the rest of it in the middle."""
    tile = np.array([[1, 5], [-1, -5]]) / math.sqrt(52)  # 1/4, and 1 + 1/4
    x_adv = _tiles(coloured(12, 11, 0.3)).numpy()
    for index, ours in zip(INDEX, x_adv, strict=True):
        delta, turns = np.zeros((2, 12, 11)), set()
        for top, left in itertools.product((1, 3, 5, 7, 9), repeat=2):
            purpose = f"square tile {top} {left}"
            (turn,) = uniform(SEED, f"{purpose} turned", index, 1) > 0.5
            for channel, sign in enumerate(signs(SEED, purpose, index, 2)):
                delta[channel, top : top + 2, left : left + 2] = sign * (tile.T if turn else tile)
            turns.add(bool(turn))
        assert turns == {False, True}
        # Each of 25 tiles has norm 1 in both channels.
        np.testing.assert_allclose(ours, 0.5 + 0.3 * delta / math.sqrt(50), rtol=0, atol=1e-7)


def two_channels(delta: Array, eps: float, index: int, query: int, side: int) -> Array:
    """The next perturbation in L2, for windows of several pixels: each channel gets half of what is left."""
    u = uniform(SEED, f"square place {query}", index, 5)
    count = np.array(delta.shape[1:]) - side + 1
    (top, left), (other_top, other_left) = (u[:2] * count).astype(int), (u[2:4] * count).astype(int)
    into = np.s_[top : top + side, left : left + side]
    out_of = np.s_[other_top : other_top + side, other_left : other_left + side]
    either = np.zeros(delta.shape[1:], dtype=bool)
    either[into] = either[out_of] = True
    budget = max(eps**2 - (delta**2).sum(), 0) / 2 + (delta[:, either] ** 2).sum()
    bump = _bump(side, torch.ones(1)).numpy()
    result = delta.copy()
    result[:, *out_of] = 0
    for channel, sign in enumerate(signs(SEED, f"square sign {query}", index, 2)):
        before = delta[channel][into]
        way = sign * (bump.T if u[4] > 0.5 else bump) + before / np.sqrt((before**2).sum())
        result[channel][into] = way / np.sqrt((way**2).sum()) * math.sqrt(budget)
    return eps * result / np.sqrt((result**2).sum())


def test_proposals_of_l2_with_two_channels() -> None:
    eps, share, side = 0.3, 0.4, 5  # the root of 0.4 x 8 x 7 is 4.7, the next odd number 5
    goal = coloured(8, 7, eps)
    best = 0.01 * np.random.default_rng(0).normal(size=goal.x.shape)
    for query in range(6):
        x_adv = _square_l2(goal, goal.x + torch.from_numpy(best), share, query, 0).numpy()
        for near, index, ours in zip(best, INDEX, x_adv, strict=True):
            theirs = 0.5 + two_channels(near, eps, index, query, side)
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-7)

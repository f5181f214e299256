"""Attacks against what is known exactly: linear models, projections, published schedules."""

import math

import numpy as np
import pytest
import torch
from scipy import optimize, stats
from torch import nn

from taet.adversary.apgd import Apgd
from taet.adversary.fab import Fab, to_hyperplane
from taet.adversary.noise import Noise
from taet.adversary.norms import norm_of, project
from taet.adversary.objectives import DifferenceOfLogits, TargetedDifferenceOfLogits
from taet.adversary.parts import AttackInput
from taet.adversary.square import HALVED_AT, Square, _half_bump, _odd_side, _window
from taet.attacks.cw_l2 import CarliniWagner
from taet.attacks.deepfool_l2 import DeepFool

CLASSES, SHAPE = 5, (3, 6, 6)


@pytest.fixture(scope="module")
def linear() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(math.prod(SHAPE), CLASSES)).eval()


def points(linear: nn.Module, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Images far from 0 and 1, with the classes that the model gives them."""
    x = 0.5 + 0.1 * (torch.rand(count, *SHAPE, generator=torch.Generator().manual_seed(1)) - 0.5)
    with torch.no_grad():
        return x, linear(x).argmax(1)


def distances(linear: nn.Module, x: torch.Tensor, y: torch.Tensor, norm: str) -> torch.Tensor:
    """Of each image to the nearest boundary: gap over the dual norm of the difference of the weights."""
    weight = linear[1].weight.detach()
    with torch.no_grad():
        logits = linear(x)
    gaps = logits.gather(1, y[:, None]) - logits
    difference = weight[y][:, None] - weight[None]
    dual = difference.abs().sum(2) if norm == "linf" else difference.square().sum(2).sqrt()
    ratio = (gaps / dual).scatter(1, y[:, None], torch.inf)
    return ratio.amin(1)


def target_of(
    model: nn.Module, x: torch.Tensor, y: torch.Tensor, eps: float, batch_size: int = 64
) -> AttackInput:
    return AttackInput(model, x, y, eps, Noise(0, torch.arange(len(x))), batch_size, x)


def robust(model: nn.Module, x_adv: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return model(x_adv).argmax(1) == y


CHAINS = {
    "ce": lambda norm: [Apgd("ce", norm, "ce", 100)],
    "dlr": lambda norm: [Apgd("dlr", norm, "dlr", 100)],
    "t": lambda norm: [Apgd("t", norm, "dlr_targeted", 100, r) for r in range(1, CLASSES)],
    "fab": lambda norm: [Fab("f", norm, 50, r) for r in range(1, CLASSES)],
}


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize(
    ("chain", "classes"), [("ce", 2), ("dlr", 2), ("t", CLASSES), ("fab", CLASSES)]
)
def test_linear_model_is_broken_exactly_where_it_can_be(
    chain: str, classes: int, norm: str
) -> None:
    """Within a per cent of the distance that decides, each component finds all there is, and no more.

    Untargeted losses with two classes only: with more they need not follow the nearest one.
    """
    torch.manual_seed(0)
    linear = nn.Sequential(nn.Flatten(), nn.Linear(math.prod(SHAPE), classes)).eval()
    x, y = points(linear, 200)
    exact = distances(linear, x, y, norm)
    eps = exact.median().item()
    clear = (exact / eps - 1).abs() > 0.01
    standing = torch.ones(len(x), dtype=torch.bool)
    for part in CHAINS[chain](norm):
        x_adv = part.run(target_of(linear, x, y, eps))
        assert norm_of(x_adv - x, norm).max() <= eps + 1e-6
        standing &= robust(linear, x_adv, y)
    assert torch.equal(standing[clear], (exact > eps)[clear])


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_square_finds_most_of_what_there_is(linear: nn.Module, norm: str) -> None:
    x, y = points(linear, 60)
    exact = distances(linear, x, y, norm)
    eps = exact.median().item()
    x_adv = Square("square", norm, 3000).run(target_of(linear, x, y, eps))
    assert norm_of(x_adv - x, norm).max() <= eps + 1e-6
    standing = robust(linear, x_adv, y)
    assert not (~standing & (exact > 1.01 * eps)).any()
    assert (standing & (exact < 0.8 * eps)).sum() == 0


def test_unbounded_attacks_find_the_nearest_boundary(linear: nn.Module) -> None:
    x, y = points(linear, 50)
    exact = distances(linear, x, y, "l2")
    fooled = DeepFool("d", 50, 0.02).run(target_of(linear, x, y, 0.5))
    assert not robust(linear, fooled, y).any()
    ratio = norm_of(fooled - x, "l2") / exact
    assert ratio.min() >= 1
    assert ratio.median() < 1.05
    fooled = CarliniWagner("c", 10.0, 0.0, 500, 0.01).run(target_of(linear, x, y, 0.5))
    found = ~robust(linear, fooled, y)
    assert found.float().mean() > 0.9
    ratio = (norm_of(fooled - x, "l2") / exact)[found]
    assert ratio.min() >= 0.999
    assert ratio.median() < 1.1


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_projection_on_a_hyperplane_in_the_box(norm: str) -> None:
    """Against a general solver, for reachable planes; at the stops of the box for the others."""
    generator = torch.Generator().manual_seed(3)
    z = torch.rand(40, 1, 2, 3, generator=generator, dtype=torch.float64)
    w = torch.randn(40, 1, 2, 3, generator=generator, dtype=torch.float64)
    w[0, 0, 0, 0] = 0
    residual = 2 * torch.randn(40, generator=generator, dtype=torch.float64)
    moved = to_hyperplane(z, w, residual, norm)
    assert (z + moved).min() >= -1e-12
    assert (z + moved).max() <= 1 + 1e-12
    left = residual + (w * moved).flatten(1).sum(1)
    reached = 0
    for i in range(40):
        point, normal = z[i].flatten().numpy(), w[i].flatten().numpy()
        downhill = -math.copysign(1, residual[i]) * normal
        furthest = np.where(downhill > 0, 1 - point, point) @ np.abs(normal)
        if furthest < abs(residual[i]):
            assert abs(left[i]) == pytest.approx(abs(residual[i]) - furthest)
            continue
        reached += 1
        assert left[i].item() == pytest.approx(0, abs=1e-9)
        ours = norm_of(moved[i : i + 1], norm).item()
        assert ours == pytest.approx(_smallest(point, normal, residual[i].item(), norm), rel=1e-4)
    assert 5 < reached < 40


def _smallest(point: np.ndarray, normal: np.ndarray, residual: float, norm: str) -> float:
    count = len(point)
    if norm == "linf":  # variables: the movement and its norm
        inside = [(-p, 1 - p) for p in point] + [(0, None)]
        rows = np.vstack([np.c_[s * np.eye(count), -np.ones(count)] for s in (1, -1)])
        solved = optimize.linprog(
            np.r_[np.zeros(count), 1], A_ub=rows, b_ub=np.zeros(2 * count),
            A_eq=np.r_[normal, 0][None], b_eq=[-residual], bounds=inside,
        )  # fmt: skip
        return solved.fun
    solved = optimize.minimize(
        lambda d: d @ d, np.zeros(count), jac=lambda d: 2 * d, method="SLSQP",
        bounds=[(-p, 1 - p) for p in point], options={"ftol": 1e-14, "maxiter": 500},
        constraints={"type": "eq", "fun": lambda d: normal @ d + residual, "jac": lambda d: normal},
    )  # fmt: skip
    return math.sqrt(solved.fun)


def test_projection_into_the_ball() -> None:
    x, far = torch.full((1, 1, 2, 2), 0.5), torch.tensor([[[[0.9, 0.5], [0.5, 0.8]]]])
    assert (project(far, x, 0.1, "linf") - x).abs().max().item() == pytest.approx(0.1)
    inside = project(far, x, 0.1, "l2") - x
    assert norm_of(inside, "l2").item() == pytest.approx(0.1)
    assert inside.flatten()[0] / inside.flatten()[3] == pytest.approx(4 / 3)
    assert torch.equal(project(x + 0.01, x, 0.1, "l2"), x + 0.01)


def test_dlr_by_hand() -> None:
    logits, y = torch.tensor([[3.0, 1.0, 0.0, -2.0], [0.0, 4.0, 2.0, 1.0]]), torch.tensor([0, 2])
    # z_y - largest other over first minus third: 2 / 3, and -2 / 3.
    assert DifferenceOfLogits()(logits, y).tolist() == pytest.approx([-2 / 3, 2 / 3])
    targets = torch.tensor([[0, 2], [2, 0]])
    # z_y - z_t over first minus the mean of third and fourth: 3 / 4 and 2 / 3.5.
    assert TargetedDifferenceOfLogits()(logits, targets).tolist() == pytest.approx(
        [-3 / 4, -2 / 3.5]
    )
    both = torch.tensor([[0, 1]])
    assert TargetedDifferenceOfLogits()(logits[:1, :3], both).item() == pytest.approx(-2 / 3)
    assert TargetedDifferenceOfLogits()(logits[:1, :2], both).item() == pytest.approx(-2)
    assert DifferenceOfLogits()(logits[:1, :2], torch.tensor([0])).item() == pytest.approx(-2)


@pytest.mark.parametrize("classes", [2, 3, 4])
def test_few_classes(classes: int) -> None:
    torch.manual_seed(classes)
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, classes)).eval()
    x = torch.rand(20, 1, 4, 4)
    with torch.no_grad():
        y = model(x).argmax(1)
    for rank in range(1, 5):
        for part in (Apgd("a", "linf", "dlr_targeted", 5, rank), Fab("f", "linf", 5, rank)):
            x_adv = part.run(target_of(model, x, y, 0.3))
            assert torch.isfinite(x_adv).all()
            assert rank < classes or torch.equal(x_adv, x), "no such target: nothing is done"
            assert rank >= classes or not robust(model, x_adv, y).all()


def test_sizes_of_squares() -> None:
    """Shares of the pixels by the number of the query, as AutoAttack has them, or rescaled to all queries."""
    borders = (0, 10, 11, 51, 201, 501, 1001, 2001, 4001, 6001, 8001)
    for schedule in ("fixed", "rescaled"):
        shares = [Square("s", "linf", 10_000, schedule=schedule)._share(q) for q in borders]
        assert shares == [0.8, 0.8, *(0.8 / 2**i for i in range(1, 10))]
    assert len(HALVED_AT) == 9
    assert Square("s", "linf", 5000)._share(10) == 0.8
    assert Square("s", "linf", 5000, schedule="rescaled")._share(6) == 0.4
    assert Square("s", "linf", 100)._share(99) == 0.2
    assert Square("s", "linf", 100, schedule="rescaled")._share(99) == 0.8 / 2**9


@pytest.mark.parametrize(
    ("side", "official", "fitting"), [(1, 7, 8), (3, 5, 6), (7, 1, 2), (8, 1, 1)]
)
def test_places_of_squares(side: int, official: int, fitting: int) -> None:
    """AutoAttack draws from [0, 8 - side); a square as large as the image has one place."""
    uniform = torch.arange(256) / 256
    draws = torch.cartesian_prod(uniform, uniform)
    draws = torch.cat([draws, torch.full((1, 2), 1 - 2**-24)])
    for unused, places in ((1, official), (0, fitting)):
        inside, rows, columns = _window(draws, side, 8, 8, unused)
        assert (inside.sum((1, 2, 3)) == side**2).all()
        for within in (rows, columns):
            found = (within.flatten(1) == 0).int().argmax(1)
            assert found.unique().tolist() == list(range(places))
    assert _window(draws[-1:], 1, 1, 1, 1)[0].tolist() == [[[[1.0]]]]


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("positions", ["official", "all"])
def test_official_squares_never_reach_the_last_row_and_column(positions: str, norm: str) -> None:
    """A model that looks at the last pixel alone: the first stripes and bumps there are all that it sees."""

    class Corner(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append(x[0, 0, -1, -1].item())
            return torch.stack([x[:, 0, 0, 0] * 0 + 1, x[:, 0, 0, 0] * 0], 1)

    seen: list[float] = []
    x, eps = torch.full((1, 1, 12, 12), 0.5), 0.1
    corner, better = Corner(), Square("s", norm, 300, positions)
    better.run(target_of(corner, x, torch.tensor([0]), eps))
    moved = len({round(value, 6) for value in seen[1:]} - {round(seen[0], 6)}) > 0
    # In L2 every proposal is scaled to norm eps, but what is 0 stays 0.
    assert moved == (positions == "all")


def test_windows_of_l2_are_odd_as_in_autoattack() -> None:
    """The next odd number; the largest that fits, where AutoAttack's own code fails."""
    shares = [0.8 / 2**i for i in range(10)]
    assert [_odd_side(share, 32, 32) for share in shares] == [29, 21, 15, 11, 7, 5, 5, 3, 3, 3]
    assert [_odd_side(0.8, size, size) for size in (1, 2, 3, 4, 5, 8)] == [1, 1, 3, 3, 5, 7]


def test_bumps_by_hand() -> None:
    bump = _half_bump(2, 3)
    # Middle (1, 1): 1 + 1/4; its neighbours in reach of the second rectangle: 1/4.
    expected = torch.tensor([[0.25, 0.25, 0.25], [0.25, 1.25, 0.25]])
    torch.testing.assert_close(bump, expected / expected.norm())


def test_noise_belongs_to_the_image() -> None:
    index = torch.tensor([7, 3, 99])
    noise = Noise(5, index)
    both = noise.uniform("a", 3, 4, 4)
    assert both.shape == (3, 3, 4, 4)
    assert torch.equal(noise.rows(torch.tensor([2, 0])).uniform("a", 3, 4, 4), both[[2, 0]])
    assert torch.equal(Noise(5, index[1:]).uniform("a", 3, 4, 4), both[1:])
    for other in (Noise(6, index).uniform("a", 3, 4, 4), noise.uniform("b", 3, 4, 4)):
        assert not torch.equal(other, both)


def test_noise_is_random_enough() -> None:
    noise = Noise(0, torch.arange(400))
    uniform, normal = noise.uniform("u", 1000).double(), noise.normal("n", 1000).double()
    assert uniform.min() >= 0
    assert uniform.max() < 1
    assert stats.kstest(uniform.flatten()[::7], "uniform").pvalue > 1e-3
    assert stats.kstest(normal.flatten()[::7], "norm").pvalue > 1e-3
    signs = noise.signs("s", 1000)
    assert set(signs.unique().tolist()) == {-1.0, 1.0}
    assert abs(signs.mean()) < 4 / math.sqrt(400_000)
    for values in (uniform - 0.5, normal):
        scale = values.var() / math.sqrt(values.numel())
        assert abs((values[1:] * values[:-1]).mean()) < 5 * scale, "neighbouring images"
        assert abs((values[:, 1:] * values[:, :-1]).mean()) < 5 * scale, "neighbouring pixels"

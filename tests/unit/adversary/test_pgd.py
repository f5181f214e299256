"""The gradient loop, where the optimum is known."""

import pytest
import torch
from torch import nn

from taet.adversary.norms import project
from taet.adversary.pgd import pgd, start_point
from taet.losses import cross_entropy

EPS = 0.1


class Linear(nn.Module):
    """Two classes, logits (0, w.x + b): the worst perturbation is -eps * sign(w) for class 1."""

    def __init__(self, weight: torch.Tensor, bias: float) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(weight), bias

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        score = x.flatten(1) @ self.weight + self.bias
        return torch.stack([torch.zeros_like(score), score], 1)


def attack(model: nn.Module, x: torch.Tensor, y: torch.Tensor, **changes: object) -> torch.Tensor:
    options = {
        "start": x,
        "objective": cross_entropy,
        "eps": EPS,
        "step_size": EPS / 4,
        "steps": 10,
        "stop_when_fooled": False,
    }
    return pgd(model, x, y, **(options | changes))


@pytest.fixture
def linear() -> tuple[Linear, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    weight = torch.randn(16)
    x = 0.3 + 0.4 * torch.rand(8, 1, 4, 4)
    return Linear(weight, 5.0), x, torch.ones(8, dtype=torch.int64)


def test_linear_optimum(linear: tuple) -> None:
    model, x, y = linear
    optimum = x - EPS * model.weight.detach().sign().view(1, 1, 4, 4)
    torch.testing.assert_close(attack(model, x, y, step_size=EPS, steps=1), optimum)
    torch.testing.assert_close(attack(model, x, y), optimum)


def test_steps_that_cannot_reach_the_sphere(linear: tuple) -> None:
    """TAET's own training attack, 10 steps of 0.003 in a ball of 0.031, stays 0.001 short."""
    model, x, y = linear
    x_adv = attack(model, x, y, eps=0.031, step_size=0.003, steps=10)
    assert (x_adv - x).abs().max().item() == pytest.approx(0.03, abs=1e-6)


def test_stops_at_the_first_fooling_iterate(linear: tuple) -> None:
    """Row 0 is fooled at the start, row 1 after some steps, row 2 never."""
    model, x, y = linear
    x = x[:3]
    scores = x.flatten(1) @ model.weight.detach()
    reach = EPS * model.weight.detach().abs().sum()
    per_row = torch.tensor([-0.01, 0.5 * reach.item(), 2 * reach.item()])

    class Shifted(nn.Module):
        def forward(self, z: torch.Tensor) -> torch.Tensor:
            near = torch.cdist(z.flatten(1), x.flatten(1)).argmin(1)
            score = z.flatten(1) @ model.weight - scores[near] + per_row[near]
            return torch.stack([torch.zeros_like(score), score], 1)

    shifted = Shifted()
    stopped = attack(shifted, x, y[:3], stop_when_fooled=True)
    assert torch.equal(stopped[0], x[0])
    assert 0 < (stopped[1] - x[1]).abs().max() < EPS - 1e-3
    assert shifted(stopped).argmax(1).tolist() == [0, 0, 1]
    everything = attack(shifted, x, y[:3])
    torch.testing.assert_close(stopped[2], everything[2])


def test_batches_do_not_matter(linear: tuple) -> None:
    model, x, y = linear
    whole = attack(model, x, y)
    torch.testing.assert_close(
        torch.cat([attack(model, x[i : i + 1], y[i : i + 1]) for i in range(8)]), whole
    )


def test_model_is_left_as_it_was() -> None:
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 2))
    before = {k: v.clone() for k, v in model.state_dict().items()}
    for training in (True, False):
        model.train(training)
        attack(model, torch.rand(5, 1, 4, 4), torch.ones(5, dtype=torch.int64))
        assert model.training is training
        assert all(m.training is training for m in model.modules())
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert all(p.grad is None and p.requires_grad for p in model.parameters())


def test_mode_is_restored_after_an_error() -> None:
    class Broken(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("broken")

    model = Broken().train()
    with pytest.raises(RuntimeError, match="broken"):
        attack(model, torch.rand(1, 1, 2, 2), torch.zeros(1, dtype=torch.int64))
    assert model.training


def test_projection() -> None:
    x = torch.tensor([0.05, 0.5, 0.95])
    torch.testing.assert_close(project(x + 1, x, EPS, "linf"), torch.tensor([0.15, 0.6, 1.0]))
    torch.testing.assert_close(project(x - 1, x, EPS, "linf"), torch.tensor([0.0, 0.4, 0.85]))


@pytest.mark.parametrize("kind", ["zero", "gauss", "uniform"])
def test_starts(kind: str) -> None:
    x = torch.rand(100, 1, 8, 8)
    start = start_point(kind, x, EPS, lambda sample: sample(x.shape))
    delta = start - x
    if kind == "zero":
        assert torch.equal(start, x)
    if kind == "gauss":
        assert delta.std().item() == pytest.approx(0.001, rel=0.05)
    if kind == "uniform":
        assert delta.abs().max() <= EPS + 1e-6
        assert start.min() >= 0
        assert start.max() <= 1
        inner = delta[(x > EPS) & (x < 1 - EPS)]
        assert inner.mean().abs() < 0.01
        assert inner.std().item() == pytest.approx(EPS / 3**0.5, rel=0.05)


def test_unknown_start() -> None:
    with pytest.raises(ValueError, match="unknown start"):
        start_point("nowhere", torch.zeros(1), EPS, lambda sample: sample(1))

"""What every file in methods/ must keep, new ones included."""

import math

import pytest
import torch
from torch import nn

from taet import params, plugins
from taet.methods._base import Batch, Setting, TrainingMethod

METHODS = plugins.names("methods")


def make(name: str, digits: params.Params, classes: int = 3) -> TrainingMethod:
    blocks = [block for block in digits.methods.values() if block.kind == name]
    assert blocks, f"params.yaml has no block for methods/{name}.py"
    counts = torch.arange(10 * classes, 0, -10)[:classes]
    return plugins.load("methods", name).Method(
        blocks[0], Setting(counts, 0.1, digits.training.attack)
    )


def network(classes: int = 3) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, classes)
        )


def batch(labels: list[int]) -> Batch:
    generator = torch.Generator().manual_seed(len(labels))
    x = torch.rand(len(labels), 1, 8, 8, generator=generator)
    return Batch(x, torch.tensor(labels), torch.Generator().manual_seed(7))


def two_steps(method: TrainingMethod, model: nn.Module, labels: list[int]) -> list[float]:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    values = []
    for _ in range(2):
        loss = method.loss(model.train(), batch(labels))
        assert loss.shape == ()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        values.append(loss.item())
    return values


@pytest.mark.parametrize("name", METHODS)
def test_two_steps_move_the_weights(name: str, digits: params.Params) -> None:
    model = network()
    before = [p.detach().clone() for p in model.parameters()]
    losses = two_steps(make(name, digits), model, [0, 0, 1, 1, 2])
    assert all(math.isfinite(value) for value in losses)
    assert all(not torch.equal(p, old) for p, old in zip(model.parameters(), before, strict=True))
    assert all(torch.isfinite(b).all() for b in model.buffers())


@pytest.mark.parametrize("name", METHODS)
def test_deterministic(name: str, digits: params.Params) -> None:
    runs = []
    for _ in range(2):
        model = network()
        runs.append((two_steps(make(name, digits), model, [0, 1, 2]), model.state_dict()))
    assert runs[0][0] == runs[1][0]
    assert all(torch.equal(v, runs[1][1][k]) for k, v in runs[0][1].items())


@pytest.mark.parametrize("labels", [[0, 0, 2], [1]], ids=["class missing", "batch of one"])
@pytest.mark.parametrize("name", METHODS)
def test_odd_batches(name: str, labels: list[int], digits: params.Params) -> None:
    assert all(map(math.isfinite, two_steps(make(name, digits), network(), labels)))


@pytest.mark.parametrize("classes", [2, 100])
@pytest.mark.parametrize("name", METHODS)
def test_numbers_of_classes(name: str, classes: int, digits: params.Params) -> None:
    labels = [0, 1, classes - 1]
    method = make(name, digits, classes)
    assert all(map(math.isfinite, two_steps(method, network(classes), labels)))


@pytest.mark.parametrize("name", METHODS)
def test_model_is_left_in_train_mode_without_gradients(name: str, digits: params.Params) -> None:
    model = network().train()
    make(name, digits).loss(model, batch([0, 1, 2]))
    assert all(module.training for module in model.modules())
    assert all(p.grad is None and p.requires_grad for p in model.parameters())


@pytest.mark.parametrize("name", METHODS)
def test_state_survives(name: str, digits: params.Params) -> None:
    method = make(name, digits)
    two_steps(method, network(), [0, 1, 2])
    state = {key: value.clone() for key, value in method.state().items()}
    fresh = make(name, digits)
    fresh.load_state(state)
    assert fresh.state().keys() == state.keys()
    assert all(torch.equal(value, state[key]) for key, value in fresh.state().items())


@pytest.mark.parametrize("name", METHODS)
def test_card(name: str) -> None:
    card = plugins.card("methods", name)
    assert "Cost per step" in card
    assert len(card) > 100
    fields = plugins.options_class("methods", name).model_fields
    assert all(info.description for key, info in fields.items()), "every option explains itself"


@pytest.mark.parametrize("name", METHODS)
def test_passes_per_step(name: str, digits: params.Params) -> None:
    """Forward passes of the network per step are those that the card states."""
    passes = 0

    class Counted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = network()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            nonlocal passes
            passes += 1
            return self.inner(x)

    make(name, digits).loss(Counted().train(), batch([0, 1, 2]))
    assert passes == (1 if name == "clean" else digits.training.attack.steps + 1)

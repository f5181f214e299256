"""Our optimisers against torch's own classes."""

import copy
import subprocess
import sys

import pytest
import torch
from torch import nn

from taet.training.optimizers import Adam, Optimizer, Sgd, load_optimizer_state, optimizer_state


def losses(model: nn.Module, x: torch.Tensor) -> torch.Tensor:
    return model(x).square().mean()


@pytest.mark.parametrize("kind", ["sgd", "sgd without momentum", "adam"])
def test_as_torchs(kind: str) -> None:
    torch.manual_seed(0)
    ours = nn.Sequential(nn.Conv2d(5, 7, 3), nn.Tanh(), nn.Flatten(), nn.Linear(28, 3))
    ours.to(memory_format=torch.channels_last)  # state must follow the layout
    theirs, x = copy.deepcopy(ours), torch.randn(20, 5, 4, 4)
    decay = 5e-4
    mine: Optimizer
    if kind == "adam":
        mine = Adam(ours.parameters(), decay)
        reference = torch.optim.Adam(theirs.parameters(), weight_decay=decay, fused=True)
    else:
        momentum = 0.9 if kind == "sgd" else 0.0
        mine = Sgd(ours.parameters(), momentum, decay)
        reference = torch.optim.SGD(theirs.parameters(), lr=1, momentum=momentum, weight_decay=decay, fused=True)  # fmt: skip
    for step in range(6):
        rate = 0.1 / (step + 1)
        mine.clear_gradients()
        losses(ours, x).backward()
        mine.step(rate)
        reference.param_groups[0]["lr"] = rate
        reference.zero_grad()
        losses(theirs, x).backward()
        reference.step()
        if step == 2:  # state survives
            fresh = copy.deepcopy(mine)
            fresh.states = [{} for _ in fresh.weights]
            saved = {
                k: torch.from_numpy(v.numpy().copy("C")) for k, v in optimizer_state(mine).items()
            }
            load_optimizer_state(fresh, saved)
            mine.states = fresh.states
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(a, b)


def test_state_of_the_first_weights_only() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    first, second = (Sgd(model.parameters(), 0.9, 0) for _ in range(2))
    losses(model, torch.randn(3, 2)).backward()
    first.step(0.1)
    load_optimizer_state(second, optimizer_state(first), count=2)
    assert [bool(state) for state in second.states] == [True, True, False, False]


def test_another_optimisers_state_is_not_taken_for_ones_own() -> None:
    """Momentum is stored beside the state of another optimiser."""
    weight = nn.Parameter(torch.zeros(1))
    optimizer = Sgd([weight], momentum=0.9, weight_decay=0)
    load_optimizer_state(optimizer, {"0/mean": torch.ones(1), "0/steps": torch.ones(())})
    for _ in range(2):
        weight.grad = torch.ones(1)
        optimizer.step(1.0)
    assert weight.item() == pytest.approx(-1 - 1.9)


def test_torchs_compiler_is_not_imported() -> None:
    """It takes a second, of every job."""
    code = (
        "import sys, torch; from taet.training.optimizers import Sgd; w = torch.nn.Parameter(torch.ones(2));"
        "w.square().sum().backward(); Sgd([w], 0.9, 0).step(0.1); sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0

"""The reward of LAS-AT: what its attack is asked for, and what becomes of the answers."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from taet.methods import las_at
from taet.methods.las_at import smoothed_cross_entropy
from taet.networks.heads import build_head
from taet.networks.network import Network
from taet.training.method import Attacked, Batch
from tests.unit.methods.options import make

RATE, DECAY = 0.1, 0.7


def test_reward(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each restart fools one other image of four; the clean images are classified rightly but for one."""
    torch.manual_seed(0)
    method = make("las_at", [4, 3, 2, 1], {}, copy_weight_decay=DECAY)
    network = Network(nn.Flatten(), build_head({"kind": "linear"}, 4, 4), None)
    with torch.no_grad():
        network.head.weight.copy_(40 * torch.eye(4))
        network.head.bias.zero_()
    x, y = torch.eye(4).view(4, 1, 2, 2), torch.tensor([0, 1, 2, 0])
    x_adv, asked = x.flip(0) * 0.5, []

    def pgd(model: nn.Module, x: Tensor, y: Tensor, **given: Any) -> Tensor:
        asked.append((model, given))
        x_adv = x.clone()
        x_adv[len(asked) - 1] = x[3]  # an image of class 3
        return x_adv

    monkeypatch.setattr(las_at, "pgd", pgd)
    batch = Batch(x, y, torch.Generator().manual_seed(1), 0)
    reward = method._reward(network, batch, Attacked(x_adv), RATE)
    losses = nn.functional.cross_entropy(network(x_adv), y, reduction="none")
    hardness = losses.clamp(0, 10).mean().item()
    assert losses.max() > 10
    assert reward == pytest.approx(hardness + 2.3 * 1 / 4 + 0.9 * 3 / 4)

    assert len(asked) == 2
    wanted = {"eps": 0.1, "step_size": 0.04, "steps": 10}
    for model, given in asked:
        assert {name: given[name] for name in wanted} == wanted
        assert not model.training
        weight = network.head.weight
        loss = smoothed_cross_entropy(network(x_adv), y, 0.6).mean()
        (slope,) = torch.autograd.grad(loss, weight)
        expected = weight - RATE * (slope + DECAY * weight)
        torch.testing.assert_close(model.head.weight, expected)
    assert not torch.equal(asked[0][1]["start"], asked[1][1]["start"])


def test_first_strategy_is_that_of_the_seed() -> None:
    method = make("las_at", [4, 3, 2, 1], {})

    def weight(seed: int) -> Tensor:
        context = replace(method.context, seed=seed)
        return las_at.Method(method.options, context).strategy.heads[0].weight

    assert torch.equal(weight(3), weight(3))
    assert not torch.equal(weight(3), weight(4))

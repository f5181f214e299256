"""Adversarial images to look at, of a model and attacks whose every verdict is known."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from taet.adversary import examples
from taet.adversary.examples import attacked_images
from tests.unit.test_evaluation import BRIGHTNESS, EPS, INDEX, LABELS, Brightness, Shift


@pytest.mark.parametrize("own", [None, 0.11])
def test_images_are_those_of_the_evaluation(
    monkeypatch: pytest.MonkeyPatch, own: float | None
) -> None:
    chain = (Shift("brighter", 0.05), Shift("further", 0.05, goes_on=True))
    monkeypatch.setattr(examples, "chain_of", lambda name, attacks: chain)
    Shift.seen.clear()
    options: Any = {"a": SimpleNamespace(eps=own)}
    x = torch.tensor(BRIGHTNESS).view(-1, 1, 1, 1).expand(-1, 1, 2, 2).contiguous()
    y, index = torch.tensor(LABELS), torch.tensor(INDEX)
    images, clean, attacked = attacked_images(
        Brightness().eval(), x, y, index, "a", options, eps=EPS, seed=7
    )
    assert clean.tolist() == [0, 0, 1, 1, 0, 0]
    assert attacked.tolist() == [1, 1, 1, 1, 0, 0]
    added = (images - x)[:, 0, 0, 0].tolist()
    assert added == pytest.approx([0.1, 0.05, 0.1, 0.1, 0.1, 0.0], abs=1e-6)
    first, second = (target for _, target in Shift.seen)
    assert first.noise.index.tolist() == INDEX[:5]
    assert second.noise.index.tolist() == [20, 22, 23, 24]
    assert {first.noise.seed, second.noise.seed} == {7}
    assert {first.eps, second.eps} == {EPS if own is None else own}

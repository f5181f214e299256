"""What the file of a trained network holds: the last or averaged weights, the best, and their adjustment."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from taet.data.split_images import SplitImages
from taet.options import LogitAdjustment
from taet.stages import equalize
from taet.training.loop import Best

COUNTS = torch.tensor([8, 2])


def written(monkeypatch: pytest.MonkeyPatch, averager: Any, adjust: bool = False) -> Any:
    """Arrays and facts of a network whose weights are 1, at best 2, averaged 3."""
    model = nn.Linear(1, 2, bias=False)
    nn.init.ones_(model.weight)
    best = Best(4, 0.5, {"weight": torch.full((2, 1), 2.0)})
    method = SimpleNamespace(inference=lambda: {"scale": 10.0, "bias": [1.0, 0.0]})
    run = SimpleNamespace(model=model, epoch=9, averager=averager, best=best, method=method)
    facts = {"network": "how", "history": "what", "epoch": 9}
    data = SimpleNamespace(train_counts=COUNTS, classes=2)
    finished: list[Any] = []
    monkeypatch.setattr(equalize, "read_data", lambda *names: data)
    monkeypatch.setattr(equalize, "train_job", lambda *given: (run, facts, {}))
    monkeypatch.setattr(equalize, "finish", lambda *values: finished.extend(values[1:]))
    options = SimpleNamespace(logit_adjustment=LogitAdjustment(tau=2.0) if adjust else None)
    job: Any = SimpleNamespace(reads={"method": options})
    equalize.run(job)
    return finished


@pytest.mark.parametrize("average", [None, 3.0])
def test_weights(monkeypatch: pytest.MonkeyPatch, average: float | None) -> None:
    averager = average and SimpleNamespace(average={"weight": torch.full((2, 1), average)})
    arrays, facts = written(monkeypatch, averager)
    assert arrays["last/weight"].tolist() == [[average or 1.0]] * 2
    assert arrays["best/weight"].tolist() == [[2.0]] * 2
    own = {"scale": 10.0, "bias": [1.0, 0.0]}
    assert facts["checkpoints"] == {
        "last": {"epoch": 9, "inference": own},
        "best": {"epoch": 4, "inference": own},
    }
    assert (facts["network"], facts["history"]) == ("how", "what")


def test_adjustment_is_added_to_the_methods_own(monkeypatch: pytest.MonkeyPatch) -> None:
    _, facts = written(monkeypatch, None, adjust=True)
    for checkpoint in facts["checkpoints"].values():
        assert checkpoint["tau"] == 2.0
        inference = checkpoint["inference"]
        assert inference["scale"] == 10.0
        apart = 1 - 2 * torch.log(COUNTS[0] / COUNTS[1]).item()
        assert inference["bias"][0] - inference["bias"][1] == pytest.approx(apart)


@pytest.mark.parametrize(("weight", "best"), [(4.0, 2), (1.0, 0)])
def test_bias_is_chosen_with_the_checkpoints_weights_and_the_methods_own(
    weight: float, best: int
) -> None:
    """Class 0 is predicted where 2 w x - 2 + bias is above 0; it must be between 0.31 and 0.62.

    Where w is 4, this needs a bias between -3 and -0.5, of which -1 is the first; where it is 1, between
    0.75 and 1.38. At w = 4 the best bias is -2 without the method's scale and bias, 0 without its scale
    alone and -4 without its bias alone.
    """
    model = nn.Sequential(nn.Flatten(), nn.Linear(1, 2, bias=False))
    nn.init.constant_(model[1].weight, 5 - weight)  # the weights after the last epoch
    pixels = torch.tensor([4, 5, 10, 11], dtype=torch.uint8).view(-1, 1, 1, 1)
    y = torch.tensor([1, 1, 0, 0])
    data = SplitImages({"validation": pixels}, {"validation": y}, {}, COUNTS, 16, 1, 1)
    method = SimpleNamespace(inference=lambda: {"scale": 2.0, "bias": [-2.0, 0.0]})
    run: Any = SimpleNamespace(model=model, method=method, device=torch.device("cpu"))
    job: Any = SimpleNamespace(reads={"training": SimpleNamespace(batch_size=3)})
    biases = [[bias, 0.0] for bias in (1.0, 0.0, -1.0, -2.0, -4.0)]
    weights = {"1.weight": torch.tensor([[weight], [0.0]])}
    assert equalize._choose(run, weights, data, job, biases) == best

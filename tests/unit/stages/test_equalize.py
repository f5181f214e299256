"""What the file of a trained network holds: the last or averaged weights, the best, and their adjustment."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

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

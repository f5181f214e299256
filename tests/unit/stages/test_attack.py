"""What the stage ``attack`` hands to the evaluation, and what it writes: each value by itself."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from taet.adversary.evaluation import Evaluation, Verdict
from taet.data.split_images import SplitImages
from taet.stages import attack
from taet.study.run.resume import ResumeFile

LABELS, INDEX = torch.tensor([2, 0, 1]), torch.tensor([30, 10, 20])


def data() -> SplitImages:
    images = torch.tensor([[4, 8], [16, 0], [2, 1]], dtype=torch.uint8).view(3, 1, 2, 1)
    counts = torch.tensor([5, 4, 3])
    return SplitImages({"test": images}, {"test": LABELS}, {"test": INDEX}, counts, 16, 1, 2)


def test_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given: dict[str, Any] = {}
    model, options = nn.Identity(), {"own": "options"}

    def evaluate(used: nn.Module, x: Any, y: Any, attacks: Any, **rest: Any) -> Evaluation:
        given.update(model=used, x=x, y=y, attacks=attacks, **rest)
        verdict = Verdict(
            torch.tensor([0, 0, 2]), torch.tensor([0.1, 0.2, 0.3]), torch.tensor([1, -1, 0]),
            "linf", 0.1, ("first", "second"), ("odd",),
        )  # fmt: skip
        return Evaluation(torch.tensor([2, 0, 0]), {"own": verdict}, ("of the model",))

    def load(*what: Any) -> nn.Module:
        given["loaded"] = what
        return model

    def finish(job: Any, arrays: Any, facts: Any) -> None:
        given.update(arrays=arrays, facts=facts)

    monkeypatch.setattr(attack, "evaluate", evaluate)
    monkeypatch.setattr(attack, "load_model", load)
    monkeypatch.setattr(attack, "read_data", lambda job, *names: data())
    monkeypatch.setattr(attack, "finish", finish)
    monkeypatch.setattr(attack, "set_up_device", lambda compute: torch.device("cpu"))
    resume = ResumeFile(tmp_path / "none", "k", "t")
    monkeypatch.setattr(attack, "resume_file", lambda job, pause: resume)
    job: Any = SimpleNamespace(
        title="t",
        cell={"seed": 5, "checkpoint": "best"},
        inputs={"model": SimpleNamespace(output=Path("m"), key="k")},
        reads={
            "compute": None,
            "attacks": options,
            "threat": SimpleNamespace(eps=0.1),
            "evaluation": SimpleNamespace(batch_size=2, precision="bf16_attack"),
        },
        dump=lambda block: {"dumped": block},
    )
    attack.run(job)
    assert given["loaded"] == (Path("m"), "k", "best")
    assert given["model"] is model
    assert given["x"].flatten().tolist() == [0.25, 0.5, 1.0, 0.0, 0.125, 0.0625]
    assert given["y"].tolist() == LABELS.tolist()
    assert given["resume"] is resume
    assert given["index"].tolist() == INDEX.tolist()
    assert given["attacks"] is options
    assert (given["eps"], given["seed"], given["classes"]) == (0.1, 5, 3)
    assert (given["batch_size"], given["precision"]) == (2, "bf16_attack")
    arrays = {name: values.tolist() for name, values in given["arrays"].items()}
    assert arrays == {
        "index": [30, 10, 20],
        "label": [2, 0, 1],
        "clean": [2, 0, 0],
        "own/prediction": [0, 0, 2],
        "own/distance": pytest.approx([0.1, 0.2, 0.3]),
        "own/broken_by": [1, -1, 0],
    }
    facts = given["facts"]["attacks"]["own"]
    assert (facts["norm"], facts["eps"]) == ("linf", 0.1)
    assert facts["parts"] == ["first", "second"]
    assert facts["options"] == {"dumped": "options"}

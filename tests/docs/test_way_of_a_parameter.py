"""The page docs/contributing/way_of_a_parameter.md: its stations are there, and a value goes the whole way."""

import importlib
import re
from pathlib import Path

import pytest
import torch

from taet.methods.taet import harl
from taet.study.params import plugins
from taet.study.params.load import load_params
from taet.study.plan.study import Study
from taet.training.method import Attacked, Batch, TrainingContext
from tests.conftest import ROOT

PAGE = (ROOT / "docs/contributing/way_of_a_parameter.md").read_text()
STATIONS = re.findall(r"^\| \d+ \| `([\w.]+)` \|", PAGE, re.MULTILINE)
CELL = {
    "dataset": "digits",
    "imbalance_ratio": 10,
    "architecture": "small_cnn",
    "method": "taet",
    "seed": 0,
}


def found(station: str) -> object:
    """What a dotted name stands for: the longest part that is a module, then attributes."""
    parts = station.split(".")
    for length in range(len(parts) - 1, 0, -1):
        try:
            thing: object = importlib.import_module(".".join(["taet", *parts[:length]]))
        except ModuleNotFoundError:
            continue
        for name in parts[length:]:
            thing = getattr(thing, name)
        return thing
    raise AssertionError(f"no module {station}")


def test_stations_are_there() -> None:
    assert len(STATIONS) == 11
    for station in STATIONS:
        assert found(station) is not None


def test_a_value_goes_the_whole_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = Study(load_params(ROOT / "params.yaml")).job("equalize", **CELL)
    file = tmp_path / "params.yaml"
    text = (ROOT / "params.yaml").read_text()
    file.write_text(re.sub(r"(label: TAET, .*?alpha: )0\.1", r"\g<1>0.7", text, count=1))
    study = Study(load_params(file))
    job = study.job("equalize", **CELL)
    assert job.reads["method"].alpha == 0.7
    assert job.key != before.key
    assert job.key in job.command
    assert study.params.methods["taet_20"].alpha == 0.7, "it extends taet"
    assert study.params.methods["taet_a1"].alpha == 1, "it says its own"

    module = plugins.load("methods", "taet")
    assert not isinstance(job.reads["method"], module.Options)
    handed = []
    monkeypatch.setattr(module, "harl", lambda *given: handed.append(given) or harl(*given))
    counts = torch.tensor([2, 2])
    attack = job.reads["training"].attack
    setting = TrainingContext(counts, eps=0.1, attack=attack, epochs=1, channels=1, seed=0)
    method = module.Method(job.reads["method"], setting)
    x, y = torch.rand(4, 2), torch.tensor([0, 1, 0, 1])
    method.loss(lambda images: images, Batch(x, y, noise=None, epoch=0), Attacked(x))
    assert handed[0][3] == 0.7

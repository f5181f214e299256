"""The page docs/python.md: its code runs in an empty folder, and it names all that is public."""

import importlib
import inspect
import re
from pathlib import Path
from typing import Any

import pytest
import torch

import taet
from tests.conftest import ROOT
from tests.docs.pages import block
from tests.unit.api import peers

PAGE = "python.md"
TEXT = (ROOT / "docs" / PAGE).read_text()
# No losses: parts of ``harl`` and of the training of CFA and DAFA.
PARTS = {
    *("class_losses", "averaged", "copies", "overwrite", "steps_per_epoch"),
    *("class_weights", "excesses", "limited", "mean_losses"),
}


def rows(head: str) -> dict[str, str]:
    """First and second column of a table of the page, by its first heading and second."""
    lines = TEXT.partition(f"| {head} |\n| --- | --- |\n")[2].partition("\n\n")[0]
    return dict(re.findall(r"^\| `([\w.]+)` \| (.*) \|$", lines, re.MULTILINE))


def test_code_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TAET_RESULTS", str(ROOT / "results"))
    network = peers.ResNet(64, 10, "shortcut", "linear")
    torch.save(network.state_dict(), "weights.pt")
    names: dict[str, Any] = {}
    exec(block(PAGE, "python", 0) + block(PAGE, "python", 1), names)
    assert set(names["table"]["attack"]) == {"clean", "fgsm", "pgd20", "worst of these"}
    assert names["attacked"].robust.shape == (100,)
    assert len(names["scores"]) == 15
    assert sum(names["split"].train_counts) == len(names["split"].train)
    assert names["theirs"](torch.rand(2, 3, 32, 32)).shape == (2, 10)
    assert names["ours"](torch.rand(2, 1, 8, 8)).shape == (2, 10)
    for loss, shape in (
        ("at_bsl", ()),
        ("trades", (100,)),
        ("of_mart", ()),
        ("taet_stage_2", ()),
    ):
        assert names[loss].shape == shape
        assert torch.isfinite(names[loss]).all()
    assert names["model"][1].weight.grad.abs().max() > 0


def test_every_function_is_listed() -> None:
    assert rows("function | gives").keys() == set(taet.__all__) - {"UserError"}
    for name in rows("function | gives"):
        assert f"taet.{name}(" in block(PAGE, "python") or name == "load_model"


def test_losses_are_those_of_the_methods() -> None:
    """All public functions of ``taet.losses`` and of the methods, each where it is."""
    listed = {
        module: set(re.findall(r"`(\w+)`", functions))
        for module, functions in rows("module | functions").items()
    }
    files = (ROOT / "src/taet/methods").glob("*.py")
    modules = ["taet.losses", *(f"taet.methods.{file.stem}" for file in files)]
    public = {module: public_functions(module) - PARTS for module in modules}
    assert listed == {module: functions for module, functions in public.items() if functions}


def public_functions(module: str) -> set[str]:
    return {
        name
        for name, value in vars(importlib.import_module(module)).items()
        if inspect.isfunction(value) and value.__module__ == module and not name.startswith("_")
    }

"""The package from Python: what ``import taet`` costs, and what its functions refuse."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import taet
from taet import artifacts, blocks, cli
from taet.networks import build_model, describe_network, model_arrays
from tests.conftest import ROOT


def test_import_is_light() -> None:
    code = (
        "import sys, taet; loaded = {'torch', 'pandas', 'numpy', 'pydantic'} & set(sys.modules);"
        "assert not loaded, loaded;"
        "assert {'evaluate', 'load_model', 'UserError'} <= set(dir(taet));"
        "taet.UserError; assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_functions_win_over_modules() -> None:
    """Whatever has been imported before, ``taet.evaluate`` is the function."""
    code = "import taet.cli, taet.stages.attack, taet.api; print(taet.evaluate, taet.load_model)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    assert said.count("<function ") == 2, said


def test_no_other_name() -> None:
    with pytest.raises(AttributeError, match="no attribute 'evaluat'"):
        taet.evaluat  # noqa: B018


@pytest.fixture(scope="module")
def stored(
    tmp_path_factory: pytest.TempPathFactory, digits: blocks.Params
) -> tuple[Path, nn.Module]:
    """A checkpoint whose method adjusts logits when it is used, and the bare network in it."""
    network = describe_network(digits.architectures["small_cnn"], 1, 8, 10)
    bare = build_model(network, seed=3).eval()
    inference = {"scale": 2.5, "bias": [float(c) for c in range(10)]}
    path = tmp_path_factory.mktemp("stored") / "seed0.safetensors"
    artifacts.write_arrays(
        path,
        model_arrays(bare.state_dict(), "last/"),
        "k",
        network=network,
        checkpoints={"last": {"inference": inference}},
    )
    return path, bare


def test_adjustment_is_part_of_the_model(stored: tuple[Path, nn.Module]) -> None:
    path, bare = stored
    model, x = taet.load_model(str(path)), torch.rand(4, 1, 8, 8)
    assert not model.training
    assert torch.equal(model(x), 2.5 * bare(x) + torch.arange(10.0))
    assert model(x).dtype == torch.float32


def test_refused_files(stored: tuple[Path, nn.Module], tmp_path: Path) -> None:
    path, _ = stored
    with pytest.raises(taet.UserError, match="no checkpoint 'best', only last"):
        taet.load_model(path, "best")
    with pytest.raises(taet.UserError, match="no such file"):
        taet.load_model(tmp_path / "none.safetensors")
    other = tmp_path / "images.safetensors"
    artifacts.write_arrays(other, {"x": np.zeros(1)}, "k")
    with pytest.raises(taet.UserError, match="holds no trained network"):
        taet.load_model(other)
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(taet.UserError, match="damaged"):
        taet.load_model(cut)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with params.yaml and the digits."""
    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    assert cli.main(["download", "--dataset", "digits"]) == 0
    return tmp_path


def linear() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))


@pytest.mark.usefixtures("project")
def test_table() -> None:
    counts = np.array([100, 77, 59, 46, 35, 27, 21, 16, 12, 10])
    options = {"eps": "1/20", "images": 100, "class_counts": counts}
    found = taet.evaluate(linear(), "digits", ["fgsm", "pgd20", "cw_l2"], **options)
    rows = found.set_index(["attack", "scope"])
    assert list(found["attack"].unique()) == ["clean", "fgsm", "pgd20", "cw_l2", "worst of these"]
    assert list(found["scope"].unique()) == [
        "all",
        "head",
        "medium",
        "tail",
        "worst_class",
        "class",
    ]
    assert len(found) == 5 * (5 + 10)
    every = found[found["scope"] == "all"].set_index("attack")
    assert (every["test_images"] == 100).all()
    assert (every["train_images"] == 403).all()
    assert every["eps"]["pgd20"] == 0.05
    assert np.isnan(every["eps"][["clean", "cw_l2"]].astype(float)).all()
    assert every["norm"]["cw_l2"] == "l2"
    assert (
        every["accuracy"]["worst of these"]
        <= every["accuracy"]["pgd20"]
        < every["accuracy"]["clean"]
    )
    assert every["median_distance"]["cw_l2"] > 0
    assert (
        (found["accuracy_low"] <= found["accuracy"]) & (found["accuracy"] <= found["accuracy_high"])
    ).all()
    assert ((found["accuracy_high"] > 0) & (found["accuracy_low"] < 1)).all()
    assert rows["train_images"]["clean", "tail"].item() == 38
    single = found[(found["attack"] == "clean") & (found["scope"] == "class")]
    assert list(single["class_index"]) == list(range(10))
    assert single["accuracy"].mean() == pytest.approx(every["balanced_accuracy"]["clean"])
    again = taet.evaluate(linear(), "digits", ["fgsm", "pgd20", "cw_l2"], **options)
    pd.testing.assert_frame_equal(found, again)


@pytest.mark.usefixtures("project")
def test_table_without_attacks_and_counts() -> None:
    found = taet.evaluate(linear(), "digits", [], images=50)
    assert list(found["attack"].unique()) == ["clean"]
    assert list(found["scope"].unique()) == ["all", "worst_class", "class"]
    assert found["train_images"].isna().all()
    one = taet.evaluate(linear(), "digits", "fgsm", images=50)
    assert list(one["attack"].unique()) == ["clean", "fgsm"]
    clean = one[one["attack"] == "clean"]
    empty = ["class_index", "train_images", "median_distance", "norm", "eps", "warnings"]
    assert clean[empty[1:5]].isna().all(axis=None)
    pd.testing.assert_frame_equal(found.drop(columns=empty), clean.drop(columns=empty))


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"attacks": ["pgd2"]}, "^attacks: no attack 'pgd2'; did you mean 'pgd20'"),
        ({"dataset": "digit"}, "^dataset: no data set 'digit'; did you mean 'digits'"),
        ({"dataset": "cifar10"}, "run: python -m taet download --dataset cifar10"),
        ({"eps": "8/0"}, "^eps 8/0: must be a number or a fraction"),
        ({"eps": 8}, "^eps: must be above 0 and below 1"),
        ({"images": 3}, "^images 3: must be at least one for each of 10 classes"),
        ({"seed": -1}, "^seed '-1': must be a whole number"),
        ({"model": 3}, "^model: a int; must be a torch.nn.Module"),
        ({"model": nn.Flatten()}, "outputs of the shape"),
        ({"class_counts": [1, 2]}, "^class_counts: 2 numbers; must be one for each of 10 classes"),
        ({"study": "digit"}, "no study 'digit'"),
        ({"parameters": "none.yaml"}, "none.yaml: no such file"),
    ],
)  # fmt: skip
def test_refused_arguments(arguments: dict, said: str) -> None:
    whole = {"model": linear(), "dataset": "digits", "attacks": ["fgsm"]} | arguments
    with pytest.raises(taet.UserError, match=said):
        taet.evaluate(**whole)

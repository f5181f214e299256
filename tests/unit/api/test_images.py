"""A user's own images: the same numbers as by name, from any folder, and what is refused."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import taet
from taet.api.functions import OWN_PARAMETERS
from taet.api.images import TestSet, own_test_set, read_test_set
from taet.api.under_attack import compute_of
from taet.networks.network import build_model, describe_network
from taet.study.params.load import load_common, load_params
from taet.study.params.overlay import of_common, read_file
from taet.study.plan.study import Study
from tests.conftest import ROOT
from tests.unit.api.test_functions import linear, project, small_net  # noqa: F401

TestSet.__test__ = False  # type: ignore[attr-defined] # no class of tests
CPU = torch.device("cpu")
X, Y = torch.rand(8, 1, 8, 8), torch.arange(8)


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working folder has no file."""
    monkeypatch.chdir(tmp_path)


def test_shipped_parameters_are_the_ones_that_people_edit() -> None:
    assert OWN_PARAMETERS.read_bytes() == (ROOT / "params.yaml").read_bytes()


def test_common_values_hold_without_a_study() -> None:
    common, values = load_common(OWN_PARAMETERS), of_common(read_file(OWN_PARAMETERS)).values
    assert common.threat.eps == pytest.approx(8 / 255)
    for part in ("evaluation", "compute", "report"):
        assert getattr(common, part).model_dump() == values[part] | (
            {"worst_cases": common.report.model_dump()["worst_cases"]} if part == "report" else {}
        )
    attacks = load_params(ROOT / "params.yaml", "cifar10_lt").attacks
    assert common.attacks == attacks


def own_network() -> nn.Module:
    """A network of this project, which gets images as they lie in memory."""
    options = load_common(OWN_PARAMETERS).architectures["small_cnn"]
    return build_model(describe_network(options, 1, 8, 10), seed=3)


@pytest.mark.parametrize(
    ("make", "attacks"),
    [(linear, ["pgd20", "apgd_ce_t"]), (small_net, ["pgd20"]), (own_network, ["pgd20"])],
)
@pytest.mark.usefixtures("project")
def test_own_images_give_the_numbers_of_the_data_set(make: Any, attacks: list[str]) -> None:
    """The images of the digits, by name and by value, clean, under attack and in every other column."""
    params = load_params("params.yaml", "digits")
    held_out = read_test_set(Study(params), "digits", 0, 40)
    x, y = held_out.x.clone(memory_format=torch.contiguous_format), held_out.y
    options: dict[str, Any] = {"attacks": attacks, "eps": 0.05, "study": "digits"}
    by_name = taet.evaluate(make(), "digits", images=40, **options)
    batches = DataLoader(TensorDataset(x, y), batch_size=13)
    for given in ((x, y), [x.double().numpy(), y.numpy().astype(np.uint8)], iter(batches)):
        own = taet.evaluate(make(), given, index=held_out.index, **options)
        pd.testing.assert_frame_equal(own, by_name, check_exact=True)
    assert own_test_set((x, y), make().eval(), CPU, None).x.stride() == held_out.x.stride()


@pytest.mark.usefixtures("empty")
def test_any_folder_will_do() -> None:
    table = taet.evaluate(linear(), (X, Y), attacks=["pgd20"], eps=8 / 255)
    every = table[table["scope"] == "all"].set_index("attack")
    assert list(every.index) == ["clean", "pgd20"]
    assert every["eps"]["pgd20"] == 8 / 255
    assert list(every["test_images"]) == [8, 8]
    without = table[(table["scope"] == "class") & (table["test_images"] == 0)]
    assert set(without["class_index"]) == {8, 9}, "the model has ten classes, the images eight"
    assert without[["accuracy", "accuracy_low", "accuracy_high"]].isna().all(axis=None)
    assert len(taet.evaluate(linear(), (X, Y))["attack"].unique()) == 6
    digits = taet.evaluate(linear(), (X, Y), "fgsm", study="digits")
    assert digits["eps"].max() == 0.1


def test_random_numbers_are_left_alone() -> None:
    """A loader that shuffles draws the same order each time, and the process's numbers go on as before."""
    model, batches = linear(), DataLoader(TensorDataset(X, Y), batch_size=3, shuffle=True)
    state = torch.get_rng_state()
    tables = [taet.evaluate(model, batches, "pgd20", eps=0.3) for _ in range(2)]
    assert torch.equal(torch.get_rng_state(), state)
    pd.testing.assert_frame_equal(*tables)


def own(given: Any, images: int | None = None, index: Any = None) -> TestSet:
    return own_test_set(given, linear(), CPU, images, index)


def test_images_are_copied_as_they_are() -> None:
    test_set = own((X, Y))
    assert torch.equal(test_set.x, X)
    assert test_set.x.data_ptr() != X.data_ptr()
    assert (test_set.x.dtype, test_set.y.dtype) == (torch.float32, torch.int64)
    assert test_set.index.tolist() == list(range(8))
    assert test_set.class_names == [str(c) for c in range(10)]
    half = own((X.half().requires_grad_(), Y.int()))
    assert torch.equal(half.x, X.half().float())
    assert not half.x.requires_grad


def test_a_limit_takes_the_first_of_each_class() -> None:
    y = torch.tensor([0, 1, 1, 0, 0, 1, 1, 0])
    few = own((X, y), images=20, index=np.arange(8) + 100)
    assert few.y.tolist() == [0, 1, 1, 0]
    assert few.index.tolist() == [100, 101, 102, 103]
    assert torch.equal(few.x, X[:4])


def test_classes_are_the_models() -> None:
    lazy = nn.Sequential(nn.Flatten(), nn.LazyLinear(10))
    for model in (lazy, nn.Identity(), nn.Linear(3, 3)):
        assert len(own_test_set((X, Y), model, CPU, None).class_names) == 8
    assert isinstance(lazy[1], nn.LazyLinear), "its shapes are not fixed by looking"


@pytest.mark.parametrize(
    ("on_gpu", "given", "own_images", "device"),
    [
        (True, None, True, "cuda"),
        (True, "cpu", True, "cpu"),
        (True, None, False, "cpu"),
        (False, None, True, "cpu"),
        (False, "cuda", False, "cuda"),
        (False, torch.device("cuda"), True, "cuda"),
        (True, torch.device("cpu"), True, "cpu"),
    ],
)
def test_own_images_follow_the_model(
    on_gpu: bool, given: str | torch.device | None, own_images: bool, device: str
) -> None:
    """The parameters say ``cpu``; whatever else decides, their other values stay."""
    compute = load_common(OWN_PARAMETERS).compute
    model: Any = SimpleNamespace(parameters=lambda: [SimpleNamespace(is_cuda=on_gpu)])
    chosen = compute_of(compute, model, given, own_images=own_images)
    assert chosen.model_dump() == compute.model_dump() | {"device": device}


def batches(*given: Any) -> Iterator[Any]:
    yield from given


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (3, "^dataset: a value of the type int; must be the name of a data set, a pair of images"),
        (X, "^dataset: a value of the type Tensor"),
        ({"x": X}, "^dataset: a value of the type dict"),
        ([], "^dataset: has no image"),
        ((X[:0], Y[:0]), "^dataset: has no image"),
        ((X, Y, Y), "^dataset: gives a Tensor; each batch must be a pair of images"),
        (batches((X, Y), (X, Y, Y)), "^dataset: gives a tuple of 3; each batch must be a pair"),
        (batches((X, Y), (X[..., 1:], Y)), r"images of the shapes \(1, 8, 8\), \(1, 8, 7\); must be of one"),
        ((X[:, 0], Y), r"^images: of the shape \(8, 8, 8\); must be \[N, C, H, W\]; for a Dataset"),
        (batches((X[0], 3)), r"^images: of the shape \(1, 8, 8\); .* for a Dataset, give a DataLoader"),
        (TensorDataset(X, Y), "^dataset: a value of the type TensorDataset; .* such as a DataLoader$"),
        (((255 * X).byte(), Y), "^images: of the type uint8; must be floating point in .0,1.: divide"),
        ((X, Y[1:]), "^labels: 8 images and 7 labels; must be as many"),
        ((X, Y.float()), "^labels: of the type float32; must be whole numbers from 0"),
        ((X, Y - 1), "^labels: -1 among them"),
        ((X, torch.eye(8)), r"^labels: of the shape \(8, 8\); must be \[N\]"),
        ((X, ["one"] * 8), "^labels: a list that is no array of numbers; must be a tensor, an array or"),
        ((X, None), "^labels: None; must be a tensor, an array or a list of numbers$"),
        ((X, Y + 10**9), "^labels: 1000000007 among them; must be below 100,000$"),
        ((X.to_sparse(), Y), "^images: a sparse or nested tensor; make it dense"),
        ((X.to("meta"), Y), "^images: a tensor on the device meta, which has no values"),
        ((X, Y.to_sparse()), "^labels: a sparse or nested tensor; make it dense"),
        ((np.array([[None]]), Y), "^images: a ndarray that is no array of numbers"),
    ],
)  # fmt: skip
def test_refused_images(given: Any, message: str) -> None:
    with pytest.raises(taet.UserError, match=message) as caught:
        own(given)
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("empty")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dataset": (X, Y + 5)}, "^labels go from 5 to 12; must be from 0 to 9"),
        ({"dataset": (255 * X, Y)}, r"^images go from \S+ to \S+; must be in \[0,1\]"),
        (
            {"attacks": ["autoattack_l2", "deepfool_l2"], "eps": 0.5},
            "^eps: autoattack_l2 is .* of its own, 0.5, deepfool_l2 is .* without a radius; leave",
        ),
        ({"index": [1, 2]}, "^index: 2 numbers for 8 images; must be as many"),
        ({"index": torch.rand(8)}, "^index: of the type float32; must be whole numbers"),
        ({"dataset": "digits", "index": Y}, "^index: a data set has its own; leave it out"),
        ({"device": torch.device("cuda:1")}, "^device: no device 'cuda:1'; .*known: cpu, cuda"),
        ({"device": "gpu"}, "^device: no device 'gpu'; .*known: cpu, cuda"),
        ({"study": "digit"}, "no study 'digit'; did you mean 'digits'"),
        ({"images": 9}, "^images 9: must be at least 10, one for each class"),
        ({"parameters": 3}, "^parameters: a value of the type int; must be the path of a file"),
        ({"train_counts": [1] * 8}, "^train_counts: 8 numbers; must be one for each of 10 classes"),
    ],
)
def test_refused_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(taet.UserError, match=message) as caught:
        taet.evaluate(**({"model": linear(), "dataset": (X, Y), "attacks": "fgsm"} | arguments))
    assert "\n" not in str(caught.value)

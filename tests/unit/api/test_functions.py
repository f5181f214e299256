"""The package from Python: what ``import taet`` costs, and what its functions refuse."""

import math
import random
import shutil
import subprocess
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, chdir, contextmanager
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import taet
from taet.api.restored import restored_model
from taet.cli.main import main
from taet.networks.network import build_model, describe_network, model_arrays
from taet.study.params import blocks
from taet.study.store import artifacts
from tests.conftest import ROOT, with_digits_alone


def test_import_is_light() -> None:
    code = (
        "import sys, taet; loaded = {'torch', 'pandas', 'numpy', 'pydantic'} & set(sys.modules);"
        "assert not loaded, loaded;"
        "assert {'UserError', 'attack', 'balanced_scores', 'evaluate', 'load_model', 'longtail_split'} "
        "<= set(dir(taet));"
        "taet.UserError; assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_functions_win_over_modules() -> None:
    """Whatever has been imported before, ``taet.evaluate`` is the function."""
    code = "import taet.cli.main, taet.stages.attack, taet.api.functions; print(taet.evaluate, taet.load_model)"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    assert output.count("<function ") == 2, output


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


@cache
def downloaded(folder: Path) -> Path:
    """A folder with the study ``digits`` and its images."""
    folder.mkdir()
    (folder / "params.yaml").write_text(with_digits_alone((ROOT / "params.yaml").read_text()))
    with chdir(folder):
        assert main(["download", "--dataset", "digits"]) == 0
    return folder


@pytest.fixture
def project(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A folder with params.yaml and the digits, to be changed at will."""
    made = downloaded(tmp_path_factory.getbasetemp() / "downloaded")
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def linear() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))


@pytest.mark.usefixtures("project")
def test_table() -> None:
    counts = np.array([100, 77, 59, 46, 35, 27, 21, 16, 12, 10])
    options = {"eps": "1/20", "images": 100, "train_counts": counts}
    table = taet.evaluate(linear(), "digits", ["fgsm", "pgd20", "cw_l2"], **options)
    rows = table.set_index(["attack", "scope"])
    assert list(table["attack"].unique()) == ["clean", "fgsm", "pgd20", "cw_l2", "worst of these"]
    assert list(table["scope"].unique()) == [
        "all",
        "head",
        "medium",
        "tail",
        "worst_class",
        "class",
    ]
    assert len(table) == 5 * (5 + 10)
    every = table[table["scope"] == "all"].set_index("attack")
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
        (table["accuracy_low"] <= table["accuracy"]) & (table["accuracy"] <= table["accuracy_high"])
    ).all()
    assert ((table["accuracy_high"] > 0) & (table["accuracy_low"] < 1)).all()
    assert rows["train_images"]["clean", "tail"].item() == 38
    single = table[(table["attack"] == "clean") & (table["scope"] == "class")]
    assert list(single["class_index"]) == list(range(10))
    assert single["accuracy"].mean() == pytest.approx(every["balanced_accuracy"]["clean"])
    again = taet.evaluate(linear(), "digits", ["fgsm", "pgd20", "cw_l2"], **options)
    pd.testing.assert_frame_equal(table, again)


@pytest.mark.usefixtures("project")
def test_table_without_attacks_and_counts() -> None:
    table = taet.evaluate(linear(), "digits", [], images=50)
    assert list(table["attack"].unique()) == ["clean"]
    assert list(table["scope"].unique()) == ["all", "worst_class", "class"]
    assert table["train_images"].isna().all()
    one = taet.evaluate(linear(), "digits", "fgsm", images=50)
    assert list(one["attack"].unique()) == ["clean", "fgsm"]
    clean = one[one["attack"] == "clean"]
    empty = ["class_index", "train_images", "median_distance", "norm", "eps", "warnings"]
    assert clean[empty[1:5]].isna().all(axis=None)
    pd.testing.assert_frame_equal(table.drop(columns=empty), clean.drop(columns=empty))


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"attacks": ["pgd2"]}, "^attacks: no attack 'pgd2'; did you mean 'pgd20'"),
        ({"dataset": "digit"}, "^dataset: no data set 'digit'; did you mean 'digits'"),
        ({"dataset": "cifar10"}, "run: python -m taet download --dataset cifar10"),
        ({"eps": "8/0"}, "^eps '8/0': must be a number or a fraction"),
        ({"eps": 8}, "^eps: must be above 0 and below 1"),
        ({"eps": torch.ones(2)}, "^eps .*: must be a number or a fraction"),
        ({"images": 3}, "^images 3: must be at least 10, one for each class"),
        ({"images": 20.5}, "^images 20.5: must be a whole number"),
        ({"images": math.inf}, "^images inf: must be a whole number"),
        ({"images": -1}, "^images -1: must be at least 10"),
        ({"seed": "x"}, "^seed 'x': must be a whole number"),
        ({"seed": -1}, "^seed '-1': must be a whole number"),
        ({"model": 3}, "^model: a int; must be a torch.nn.Module"),
        ({"model": nn.Flatten()}, "outputs of the shape"),
        ({"train_counts": [1, 2]}, "^train_counts: 2 numbers; must be one for each of 10 classes"),
        ({"train_counts": [1.5] * 10}, "^train_counts: 1.5 for class 0 .*whole, at least 0, no share"),
        ({"train_counts": [1] * 9 + [-1]}, "^train_counts: -1 for class 9"),
        ({"train_counts": [math.nan] * 10}, "^train_counts: nan for class 0"),
        ({"train_counts": ["1"] * 10}, "^train_counts: '1' for class 0"),
        ({"train_counts": [0] * 10}, "^train_counts: no class has a training image"),
        ({"train_counts": "1234567890"}, "^train_counts: a value of the type str; must be a list"),
        ({"train_counts": set(range(10))}, "^train_counts: a value of the type set; must be a list"),
        ({"train_counts": np.ones((2, 5))}, "^train_counts: a value of the type ndarray"),
        ({"train_counts": Counter(range(9))}, "^train_counts: no entry for class 9"),
        ({"train_counts": Counter(range(11))}, "^train_counts: an entry for 10; classes are 0 to 9"),
        ({"train_counts": pd.Series([7] * 10, list("abcdefghij"))}, "^train_counts: no entry for class 0"),
        ({"train_counts": pd.Series([7] * 11, [0, *range(10)])}, "^train_counts: a Series with one class twice"),
        ({"attacks": [3]}, "^attacks: no attack 3; known: fgsm"),
        ({"attacks": 3}, "^attacks: a value of the type int"),
        ({"dataset": None}, "^dataset: no data set None; known: digits"),
        ({"study": "digit"}, "no study 'digit'"),
        ({"parameters": "none.yaml"}, "none.yaml: no such file"),
    ],
)  # fmt: skip
def test_refused_arguments(arguments: dict, message: str) -> None:
    whole = {"model": linear(), "dataset": "digits", "attacks": ["fgsm"]} | arguments
    with pytest.raises(taet.UserError, match=message):
        taet.evaluate(**whole)


COUNTS = [100, 77, 59, 46, 35, 27, 21, 16, 12, 10]
LABELS = pd.Series([c for c in reversed(range(10)) for _ in range(COUNTS[c])])


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    "counts",
    [
        LABELS.value_counts(),
        LABELS.value_counts(ascending=True),
        Counter(LABELS),
        dict(sorted(Counter(LABELS).items(), key=lambda item: item[1])),
        torch.tensor(COUNTS),
        np.array(COUNTS, float),
        tuple(COUNTS),
    ],
    ids=["value_counts", "ascending", "Counter", "dict", "tensor", "floats", "tuple"],
)
def test_counts_belong_to_their_classes(counts: object) -> None:
    table = taet.evaluate(linear(), "digits", [], images=10, train_counts=counts)
    assert list(table["train_images"][table["scope"] == "class"]) == COUNTS


@pytest.mark.usefixtures("project")
def test_numbers_of_any_type() -> None:
    plain = taet.evaluate(linear(), "digits", ["fgsm", "pgd20"], eps=0.25, images=50)
    for eps, images, seed, names in (
        (torch.tensor(0.25), 50.0, np.int64(0), {"pgd20", "fgsm"}),
        (np.float32(0.25), np.int32(50), 0.0, ("fgsm", "pgd20")),
        (Fraction(1, 4), torch.tensor(50), torch.tensor(0), iter(["fgsm", "pgd20"])),
        (np.array(0.25), np.array([50]), "0", {"fgsm": 1, "pgd20": 2}),
    ):
        table = taet.evaluate(linear(), "digits", names, eps=eps, images=images, seed=seed)
        pd.testing.assert_frame_equal(table, plain)


def test_data_lie_beside_the_parameters(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = taet.evaluate(linear(), "digits", [], images=50)
    deep = project / "notebooks" / "deep"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    above = taet.evaluate(linear(), "digits", [], images=50, parameters="../../params.yaml")
    pd.testing.assert_frame_equal(above, table)
    monkeypatch.chdir(project)
    (project / "notebooks" / "params.yaml").write_text((project / "params.yaml").read_text())
    here = taet.evaluate(linear(), "digits", [], images=50, parameters="notebooks/params.yaml")
    pd.testing.assert_frame_equal(here, table)
    monkeypatch.chdir(deep)
    with pytest.raises(taet.UserError, match=r"no \.\./data/raw/digits/\S+ and no data/raw/digits"):
        taet.evaluate(linear(), "digits", [], parameters="../params.yaml")


class Wrapped(nn.Module):
    """A model, and something done before or after it."""

    def __init__(self, work: Callable[[nn.Module, torch.Tensor], Any], model: nn.Module) -> None:
        super().__init__()
        self.work, self.model = work, model

    def forward(self, x: torch.Tensor) -> Any:
        return self.work(self.model, x)


@contextmanager
def meanwhile(write: Callable[[Any], object], value: object, before: object) -> Iterator[None]:
    write(value)
    try:
        yield
    finally:
        write(before)


def setting(owner: Any, name: str, value: object) -> AbstractContextManager[None]:
    return meanwhile(lambda new: setattr(owner, name, new), value, getattr(owner, name))


SETTINGS: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "threads": lambda: meanwhile(torch.set_num_threads, 3, torch.get_num_threads()),
    "dtype": lambda: meanwhile(torch.set_default_dtype, torch.float64, torch.float32),
    "products": lambda: meanwhile(torch.set_float32_matmul_precision, "medium", "highest"),
    "convolutions": lambda: setting(torch.backends.mkldnn.conv, "fp32_precision", "bf16"),
    "all precisions": lambda: setting(torch.backends, "fp32_precision", "tf32"),
    "oneDNN": lambda: setting(torch.backends.mkldnn, "enabled", False),
    "cuDNN": lambda: setting(torch.backends.cudnn, "benchmark", True),
    "device": lambda: torch.device("meta"),
    "inference": torch.inference_mode,
    "no gradients": torch.no_grad,
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "strict numpy": lambda: np.errstate(all="raise"),
    "strict warnings": lambda: warnings.catch_warnings(action="error"),
}


def products() -> str | None:
    """None where precisions were set in the older and in the newer way: torch then gives an error."""
    try:
        return torch.get_float32_matmul_precision()
    except RuntimeError:
        return None


def process_state() -> dict[str, object]:
    """What of torch a caller may have set."""
    cudnn, cpu = torch.backends.cudnn, torch.backends.mkldnn
    precise = (torch.backends, cudnn, torch.backends.cuda.matmul, cudnn.conv, cudnn.rnn)
    return {
        "threads": torch.get_num_threads(),
        "dtype": torch.get_default_dtype(),
        "device": torch.get_default_device(),
        "products": products(),
        "precisions": [p.fp32_precision for p in (*precise, cpu.matmul, cpu.conv, cpu.rnn)],
        "flags": (cudnn.enabled, cudnn.benchmark, cudnn.deterministic, cpu.enabled),
        "modes": (torch.is_grad_enabled(), torch.is_inference_mode_enabled()),
        "autocast": torch.is_autocast_enabled("cpu"),
        "random": (torch.get_rng_state().tolist(), random.getstate(), np.random.rand()),  # noqa: NPY002
    }


def small_net() -> nn.Module:
    torch.manual_seed(0)
    body = (nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten())
    return nn.Sequential(*body, nn.Linear(512, 256), nn.Dropout(0.5), nn.Linear(256, 10))


EXPECTED: list[pd.DataFrame] = []


def undisturbed(**options: Any) -> pd.DataFrame:
    """The table of ``small_net``, made once, where nothing has been set."""
    if not EXPECTED:
        EXPECTED.append(taet.evaluate(small_net(), **options))
    return EXPECTED[0]


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("name", SETTINGS)
def test_what_the_caller_has_set(name: str) -> None:
    """It changes no number, and is there afterwards, also where the model fails."""
    options = {"dataset": "digits", "attacks": ["pgd20", "cw_l2"], "images": 20, "eps": 0.01}
    model, expected = small_net(), undisturbed(**options)
    with SETTINGS[name]():
        np.random.seed(5)  # noqa: NPY002
        before = process_state()
        np.random.seed(5)  # noqa: NPY002
        table = taet.evaluate(model, **options)
        assert process_state() == before
        np.random.seed(5)  # noqa: NPY002
        with pytest.raises(taet.UserError, match="the model fails on 20 images"):
            taet.evaluate(Wrapped(lambda model, x: model(x[:, 0, 0]), model), **options)
        assert process_state() == before
    pd.testing.assert_frame_equal(table, expected, check_exact=True)


@pytest.mark.usefixtures("project")
def test_the_model_is_left_as_it_was() -> None:
    model = small_net().train()
    model[1].eval()
    model[0].weight.requires_grad_(False)
    model(torch.rand(4, 1, 8, 8)).sum().backward()
    calls: list[int] = []
    model[4].register_forward_hook(lambda *_: calls.append(1))

    def odd(model: nn.Module, x: torch.Tensor) -> torch.Tensor:
        model[1].num_batches_tracked.add_(1)
        return model(x) + torch.rand(len(x), 10)

    drawn = Wrapped(odd, model)

    def facts() -> list[object]:
        weights = [(id(w), w.requires_grad, id(w.grad), w._version) for w in drawn.parameters()]
        buffers = [(id(b), b.tolist()) for b in drawn.buffers()]
        return [[m.training for m in drawn.modules()], weights, buffers]

    before = facts()
    first = taet.evaluate(drawn, "digits", "fgsm", images=20)
    assert facts() == before
    assert calls, "hooks are called"
    torch.rand(5)
    again = taet.evaluate(drawn, "digits", "fgsm", images=20)
    pd.testing.assert_frame_equal(first, again)
    assert "the model is randomised" in first["warnings"][0]


def test_the_model_gets_back_to_its_device() -> None:
    model = small_net()
    model(torch.rand(4, 1, 8, 8)).sum().backward()
    tensors = [*model.parameters(), *model.buffers()]
    places = [(id(t), t.data_ptr()) for t in tensors]
    with restored_model(model, torch.device("meta")) as moved:
        assert {t.device.type for t in (*moved.parameters(), *moved.buffers())} == {"meta"}
    assert [(id(t), t.data_ptr()) for t in (*model.parameters(), *model.buffers())] == places
    assert all(w.grad is not None and w.grad.device.type == "cpu" for w in model.parameters())


class Stateful(nn.Linear):
    """What has more to save than tensors."""

    def get_extra_state(self) -> dict[str, str]:
        return {"note": "none of a tensor"}

    def set_extra_state(self, state: object) -> None:
        pass


def quantised() -> nn.Module:
    with warnings.catch_warnings(action="ignore"):  # torch announces its successor
        return torch.ao.quantization.quantize_dynamic(linear(), {nn.Linear})


def made_in_inference_mode() -> nn.Module:
    with torch.inference_mode():
        return linear()


def scripted() -> nn.Module:
    with warnings.catch_warnings(action="ignore"):  # torch announces its successor
        return torch.jit.script(linear())


def masked(model: nn.Module, x: torch.Tensor) -> torch.Tensor:
    return model(x).index_fill(1, torch.tensor([3, 7]), -torch.inf)


def with_mask() -> nn.Module:
    model = linear()
    model.register_buffer("mask", torch.full((10, 10), -torch.inf).triu(1))
    return model


ODD = {
    "extra state": lambda: nn.Sequential(nn.Flatten(), Stateful(64, 10)),
    "quantised": quantised,
    "made in inference mode": made_in_inference_mode,
    "scripted": scripted,
    "parallel": lambda: nn.DataParallel(linear()),
    "compiled": lambda: torch.compile(linear(), backend="eager"),
    "without weights": lambda: Wrapped(lambda _, x: x.flatten(1)[:, 20:30], nn.Identity()),
    "frozen": lambda: linear().requires_grad_(False),
    "infinite buffer": with_mask,
    "masked classes": lambda: Wrapped(masked, linear()),
    "unused NaN": lambda: nn.ModuleList([linear(), nn.Linear(1, 1)]),
    "float64 inside": lambda: Wrapped(lambda model, x: model(x.double()), linear().double()),
}


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("name", ODD)
def test_unusual_models_are_attacked(name: str) -> None:
    model = ODD[name]()
    if name == "unused NaN":
        nn.init.constant_(model[1].weight, math.nan)
        model = Wrapped(lambda models, x: models[0](x), model)
    attacks = ["pgd20", "autoattack"] if name == "masked classes" else ["pgd20"]
    table = taet.evaluate(model, "digits", attacks, images=20, eps=0.3)
    robust = table[table["scope"] == "all"].set_index("attack")["accuracy"]
    if name not in ("quantised", "extra state"):
        assert robust["pgd20"] < robust["clean"] or robust["clean"] == 0


def lazy() -> nn.Module:
    with warnings.catch_warnings(action="ignore"):
        return nn.Sequential(nn.Flatten(), nn.LazyLinear(10))


def diverged() -> nn.Module:
    model = linear()
    nn.init.constant_(model[1].bias, math.inf)
    return model


REFUSED: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "lazy": (lazy, r"^weights '1.weight' of the model have no values yet; pass a batch"),
    "meta": (lambda: linear().to("meta"), "^model: cannot be moved to cpu: NotImplementedError: "),
    "squeeze": (
        lambda: Wrapped(lambda model, x: model(x).squeeze(), linear()),
        r"the shape \(10,\) for 1 image; must be \(1, 10\).*a squeeze\(\) drops the batch",
    ),
    "in place": (
        lambda: Wrapped(lambda model, x: model(x.sub_(0.5)), linear()),
        r"^the model changes its input in place.* x = x.clone\(\)",
    ),
    "in place, no other values": (
        lambda: nn.Sequential(nn.ReLU(inplace=True), linear()),
        "^the model changes its input in place",
    ),
    "diverged": (
        diverged,
        r"outputs are not finite for 20 of 20 images; weights '1.bias' .*diverged",
    ),
    "NaN": (
        lambda: Wrapped(lambda model, x: model(x) * math.nan, linear()),
        "outputs are not finite for 20 of 20 images; look for an overflow",
    ),
    "all classes masked": (
        lambda: Wrapped(lambda model, x: model(x) - torch.inf, linear()),
        "outputs are not finite for 20 of 20 images",
    ),
    "in place, with gradients": (
        lambda: Wrapped(
            lambda model, x: model(
                x if not x.requires_grad else x + 0 * x.detach().clamp_(0.1, 0.5)
            ),
            linear(),
        ),
        "^the model changes its input in place",
    ),
    "double": (lambda: linear().double(), r"its weights are float64, .*call model.float\(\)"),
    "dictionary": (
        lambda: Wrapped(lambda model, x: {"z": model(x)}, linear()),
        "gives a dict; must",
    ),
    "nine classes": (
        lambda: Wrapped(lambda model, x: model(x)[:, :9], linear()),
        r"\(20, 9\) for 20 images; must be \(20, 10\): one logit for each of the 10 classes$",
    ),
}


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("name", REFUSED)
def test_models_are_refused_in_one_line(name: str) -> None:
    make, message = REFUSED[name]
    with pytest.raises(taet.UserError, match=message) as caught:
        taet.evaluate(make(), "digits", ["fgsm"], images=20)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["mine.py:load", "./mine.py:load", "sub/other.py:load", "mine:load"]
)
def test_a_model_in_a_file(
    name: str, project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    (project / "sub").mkdir()
    (project / "sub" / "helper.py").write_text("from torch import nn\nhead = nn.Linear(64, 10)\n")
    own = "import torch\nfrom torch import nn\nhead = nn.Linear(64, 10)\n"
    load = "def load():\n    return nn.Sequential(nn.Flatten(), head)\n"
    (project / "mine.py").write_text(own + load)
    (project / "sub" / "other.py").write_text(
        "from torch import nn\nfrom helper import head\n" + load
    )
    options = ["--dataset", "digits", "--attacks", "fgsm", "--images", "20"]
    assert main(["evaluate", "--model", name, *options]) == 0
    assert "n = 20 images" in capsys.readouterr().out
    for wrong, message in (
        ("none.py:load", "no file none.py"),
        ("./mine:load", "did you mean ./mine.py:load?"),
        ("mine.py:none", "mine.py has no 'none'; must be a function that returns the model"),
        ("mine.py:head", "'head' is of the type Linear; must be a function that returns the model"),
        ("mine.py:nn", "'nn' is of the type module; must be a function"),
    ):
        assert main(["evaluate", "--model", wrong, *options]) == 1
        assert message in capsys.readouterr().err
    for option, value, message in (
        ("--attacks", ",", "','; known: fgsm, pgd20"),
        ("--attacks", "", "''; known: fgsm"),
        ("--attacks", "fgsm,,pgd20", "'fgsm,,pgd20'; known: fgsm"),
        ("--attacks", "fgsm,FGSM", "no attack 'FGSM'; known: fgsm"),
        ("--images", "-1", "-1: must be at least 10, one for each class"),
        ("--images", "1.5", "'1.5': must be a whole number"),
        ("--images", "x", "'x': must be a whole number"),
        ("--seed", "x", "'x': must be a whole number from 0 to"),
        ("--seed", "-1", "'-1': must be a whole number from 0 to"),
        ("--eps", "", "'': must be a number or a fraction such as 8/255"),
    ):
        assert main(["evaluate", "--model", "mine.py:load", *options, option, value]) == 1
        error = capsys.readouterr().err
        assert error.startswith(f"taet evaluate: {option}")
        assert message in error
        assert error.count("\n") == 1


def test_a_warning_is_shown_as_one(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (project / "params.yaml").read_text()
    block = "\n  short: {extends: digits, attacks: {autoattack: {steps: 3, queries: 10}}}\n"
    (project / "params.yaml").write_text(text + block)
    table = taet.evaluate(linear(), "digits", ["autoattack"], study="short", images=20)
    (warnings,) = table[(table["attack"] == "autoattack") & (table["scope"] == "all")]["warnings"]
    one = "called AutoAttack, but is not AutoAttack standard: steps 3 instead of 100; queries 10 instead of 5000"
    assert one in warnings.split("\n")
    monkeypatch.setattr(sys, "path", [*sys.path])
    (project / "mine.py").write_text("from tests.unit.api.test_functions import linear as load\n")
    options = [
        "--study",
        "short",
        "--dataset",
        "digits",
        "--attacks",
        "autoattack",
        "--images",
        "20",
    ]
    assert main(["evaluate", "--model", "mine.py:load", *options]) == 0
    assert f"warning: AutoAttack: {one}\n" in capsys.readouterr().out + "\n"

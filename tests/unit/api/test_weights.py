"""Files of weights under the field's names give the functions that their networks are."""

from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

import taet
from taet.api.weights import load_weights
from taet.cli.main import main
from taet.errors import UserError
from taet.options import ModelOptions
from taet.study.params.plugins import options_class
from tests.unit.api import peers
from tests.unit.api.test_functions import project  # noqa: F401

CLASSES = 7


def options(kind: str, **values: Any) -> ModelOptions:
    model: ModelOptions = options_class("architectures", kind)(
        kind=kind, label="Net", normalization="none", **values
    )
    return model


RESNET = options("resnet18", width=8, stem_stride=1)
KNOWN = {
    "RobustBench": (RESNET, lambda: peers.ResNet(8, CLASSES, "shortcut", "linear")),
    "timm": (RESNET, lambda: peers.ResNet(8, CLASSES, "downsample", "fc")),
    "Rice": (options("preact_resnet18", width=8), lambda: peers.PreActResNet(8, CLASSES)),
    "TRADES": (
        options("wide_resnet", depth=16, widen=1),
        lambda: peers.WideResNet(16, 1, CLASSES),
    ),
}


def trained(make: Any) -> nn.Module:
    """A network whose every weight, mean and variance has a value of its own."""
    torch.manual_seed(0)
    model: nn.Module = make()
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point() and tensor.ndim == 1:
            tensor.uniform_(0.5, 1.5) if "var" in name else tensor.add_(
                0.3 * torch.randn_like(tensor)
            )
    return model.eval()


def images() -> Tensor:
    return torch.rand(5, 3, 16, 16, generator=torch.Generator().manual_seed(1))


def assert_same(path: Path, architecture: ModelOptions, model: nn.Module) -> None:
    loaded = load_weights(path, architecture, 16)
    with torch.no_grad():
        torch.testing.assert_close(loaded(images()), model(images()), rtol=1e-4, atol=1e-5)
    assert not loaded.training


@pytest.mark.parametrize("source", KNOWN)
def test_logits_are_those_of_the_source(source: str, tmp_path: Path) -> None:
    architecture, make = KNOWN[source]
    model = trained(make)
    safetensors.torch.save_file(model.state_dict(), tmp_path / "w.safetensors")
    assert_same(tmp_path / "w.safetensors", architecture, model)


@pytest.mark.parametrize("wrapper", [None, "state_dict", "model_state_dict", "net"])
@pytest.mark.parametrize("prefix", ["", "module.", "model.", "module.model.", "_orig_mod."])
def test_wrappers_and_prefixes(wrapper: str | None, prefix: str, tmp_path: Path) -> None:
    architecture, make = KNOWN["RobustBench"]
    model = trained(make)
    content: Any = {prefix + name: tensor for name, tensor in model.state_dict().items()}
    torch.save({wrapper: content, "epoch": 3} if wrapper else content, tmp_path / "w.pt")
    assert_same(tmp_path / "w.pt", architecture, model)


@pytest.mark.parametrize("parallel", [False, True])
def test_a_normalisation_in_the_file_is_used(parallel: bool, tmp_path: Path) -> None:
    architecture, make = KNOWN["timm"]
    model = peers.Normalized(trained(make)).eval()
    prefix = "module." if parallel else ""
    torch.save({prefix + n: t for n, t in model.state_dict().items()}, tmp_path / "w.pth")
    assert_same(tmp_path / "w.pth", architecture, model)


def test_files_without_counters_of_batches(tmp_path: Path) -> None:
    architecture, make = KNOWN["TRADES"]
    model = trained(make)
    torch.save(
        {n: t for n, t in model.state_dict().items() if "num_batches" not in n}, tmp_path / "w.pt"
    )
    assert_same(tmp_path / "w.pt", architecture, model)


def test_weights_of_this_package(tmp_path: Path) -> None:
    own = load_weights_of_peer(tmp_path)
    torch.save(own.state_dict(), tmp_path / "own.pt")
    assert_same(tmp_path / "own.pt", RESNET, own)


def load_weights_of_peer(folder: Path) -> nn.Module:
    architecture, make = KNOWN["timm"]
    torch.save(trained(make).state_dict(), folder / "peer.pt")
    return load_weights(folder / "peer.pt", architecture, 16)


class Harm:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("harm"),))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"epoch": 3}, "'epoch' is no tensor; must hold a state_dict"),
        ([1, 2], "holds a list; must hold a state_dict"),
        ({"state_dict": {}}, "must hold a state_dict"),
        (
            {"a.weight": torch.zeros(2)},
            "weights of another network than Net: it has a.weight",
        ),
        (Harm(), "holds a whole model or code, which is never run; save its state_dict"),
        (nn.Linear(2, 2), "holds a whole model or code, which is never run; save its state_dict"),
        (
            {"mean": torch.zeros(3), "std": torch.ones(3)},
            "it has no weights but mean and standard dev",
        ),
        (
            {"a": torch.ones(2, device="meta")},
            "a is a tensor on the device meta, which has no values",
        ),
        ({"a": torch.ones(2) * 1j}, "a is a tensor of complex numbers"),
        ({"a": torch.tensor([1, torch.nan])}, "a is not finite"),
        (
            {"fc.bias": torch.ones(2), "linear.bias": torch.ones(2)},
            "fc.bias and linear.bias are two names",
        ),
        (
            {"module.a": torch.ones(2), "module.b": torch.ones(2), "a": torch.ones(2)},
            "module.a and a are two",
        ),
    ],
)
def test_other_contents_are_refused(
    content: Any, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save(content, "w.pt")
    with pytest.raises(UserError, match=r"w\.pt: ") as caught:
        load_weights(Path("w.pt"), RESNET, 16)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not Path("harm").exists()


@pytest.mark.filterwarnings(
    "ignore"
)  # torch announces the ends of quantised and sparse tensors' formats
def test_unusual_tensors(tmp_path: Path) -> None:
    quantised = torch.quantize_per_tensor(torch.ones(2), 1.0, 0, torch.qint8)
    for weight, message in (
        (quantised, "quantised"),
        (torch.ones(2).to_sparse(), "sparse or nested"),
    ):
        torch.save({"a": weight}, tmp_path / "w.pt")
        with pytest.raises(UserError, match=f"a is a {message} tensor"):
            load_weights(tmp_path / "w.pt", RESNET, 16)


@pytest.mark.parametrize(
    ("mean", "std", "message"),
    [
        ([0.5], [0.2], "mean of 1 channel and standard deviation of 1 channel; the network has 3"),
        ([0.5] * 3, [0.2] * 2, "mean of 3 channels and standard deviation of 2 channels; the netw"),
        ([125.3, 123, 114], [63, 62.1, 66.7], "mean 125.3, 123, 114 .* from 0 to 255: divide both by 255"),
        ([0.5] * 3, [0.2, 0, 0.2], r"deviation 0.2, 0, 0.2 of the pixels; must be in \[0,1\], .* above 0$"),
        ([0.5, -1, 0.5], [0.2] * 3, r"mean 0.5, -1, 0.5 .* must be in \[0,1\]"),
    ],
)  # fmt: skip
def test_impossible_statistics(
    mean: list[float], std: list[float], message: str, tmp_path: Path
) -> None:
    architecture, make = KNOWN["timm"]
    statistics = {"mean": torch.tensor(mean), "std": torch.tensor(std)}
    torch.save(trained(make).state_dict() | statistics, tmp_path / "w.pt")
    with pytest.raises(UserError, match=message):
        load_weights(tmp_path / "w.pt", architecture, 16)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (None, "^path: a value of the type NoneType; must be the path of a file$"),
        (5, "^path: a value of the type int"),
        (".", r"^\.: is a folder; must be a file"),
        ("x" * 300, "x: cannot be read: File name too long"),
    ],
)
def test_paths_of_no_file(path: Any, message: str) -> None:
    for load in (lambda: taet.load_weights(path, "resnet18"), lambda: taet.load_model(path)):
        with pytest.raises(UserError, match=message) as caught:
            load()
        assert "\n" not in str(caught.value)


def test_weights_of_another_network(tmp_path: Path) -> None:
    wide, make = KNOWN["TRADES"]
    torch.save(trained(make).state_dict(), tmp_path / "w.pt")
    with pytest.raises(UserError, match="weights of another network than Net"):
        load_weights(tmp_path / "w.pt", RESNET, 16)
    other = options("wide_resnet", depth=16, widen=2)
    with pytest.raises(
        UserError, match=r"has the shape \(16, 16, 3, 3\) instead of \(32, 16, 3, 3\)"
    ):
        load_weights(tmp_path / "w.pt", other, 16)
    deeper = trained(lambda: peers.WideResNet(22, 1, CLASSES))
    torch.save(deeper.state_dict(), tmp_path / "w.pt")
    with pytest.raises(
        UserError, match=r"network than Net: block1\.layer\.2\.\S+ is none of its weights"
    ):
        load_weights(tmp_path / "w.pt", wide, 16)


@pytest.mark.parametrize("name", ["missing.pt", "text.pt", "text.safetensors"])
def test_files_that_hold_no_weights(name: str, tmp_path: Path) -> None:
    (tmp_path / "text.pt").write_text("no weights")
    (tmp_path / "text.safetensors").write_text("no weights")
    with pytest.raises(UserError, match=name.replace(".", r"\.")) as caught:
        load_weights(tmp_path / name, RESNET, 16)
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("project")
def test_from_the_command_line_and_from_python(capsys: pytest.CaptureFixture[str]) -> None:
    model = trained(lambda: peers.ResNet(64, 10, "shortcut", "linear", channels=1))
    torch.save(model.state_dict(), "peer.pth")
    line = [
        "evaluate",
        "--model",
        "peer.pth",
        "--dataset",
        "digits",
        "--attacks",
        "fgsm",
        "--images",
        "20",
    ]
    assert main([*line, "--arch", "resnet18"]) == 0
    table = capsys.readouterr().out
    loaded = taet.load_weights("peer.pth", "resnet18")
    accuracy = taet.evaluate(loaded, "digits", "fgsm", images=20)["accuracy"].iloc[0]
    assert f"{100 * accuracy:.2f} [" in table.splitlines()[1]
    for arguments, message in (
        (
            [*line, "--arch", "resnet"],
            "--architecture: no architecture 'resnet'; did you mean 'resnet18'",
        ),
        ([*line, "--arch", "wrn28_10"], "weights of another network than WRN-28-10"),
        ([*line, "--arch", "small_cnn"], "or name another architecture; known: small_cnn, "),
        (
            [*line, "--arch", "resnet18", "--model", "mymodel:load"],
            "--architecture is for a file of weights; leave it out",
        ),
        (line, "add --architecture, the network that the weights are of"),
    ):
        assert main(arguments) == 1
        assert message in capsys.readouterr().err

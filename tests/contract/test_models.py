"""What every file in architectures/ must keep, new ones included."""

import pytest
import torch

from taet.compute.folding import ConvNorm, folded
from taet.networks.network import build_model, describe_network
from taet.options import ModelOptions
from taet.study.params import blocks, plugins

MODELS = plugins.names("architectures")


# Of the widths of params.yaml, which are those that people publish, one is 46 million weights.
SMALL = {"wide_resnet": {"depth": 10, "widen": 2}, "vit": {"depth": 2}}


def options_of(name: str, digits: blocks.Params) -> ModelOptions:
    first = next(b for b in digits.architectures.values() if b.kind == name)
    return first.model_copy(update=SMALL.get(name, {}))


def network(name: str, digits: blocks.Params, channels: int, size: int, classes: int) -> dict:
    return describe_network(options_of(name, digits), channels, size, classes)


@pytest.mark.parametrize(
    ("channels", "size", "classes"), [(1, 8, 10), (3, 32, 2), (1, 28, 100), (3, 64, 7)]
)
@pytest.mark.parametrize("name", MODELS)
def test_shapes(name: str, channels: int, size: int, classes: int, digits: blocks.Params) -> None:
    model = build_model(network(name, digits, channels, size, classes), seed=0)
    logits = model(torch.rand(2, channels, size, size))
    assert logits.shape == (2, classes)
    assert torch.isfinite(logits).all()


@pytest.mark.parametrize("name", MODELS)
def test_a_step_on_tiny_imagenet(name: str, digits: blocks.Params) -> None:
    """64x64 pixels and 200 classes: every weight has a finite gradient, and so has every image."""
    model = build_model(network(name, digits, 3, 64, 200), seed=0)
    x = torch.rand(2, 3, 64, 64).to(memory_format=torch.channels_last).requires_grad_()
    torch.nn.functional.cross_entropy(model(x), torch.tensor([0, 199])).backward()
    for value in (x, *model.parameters()):
        assert value.grad is not None
        assert torch.isfinite(value.grad).all()
        assert value.grad.any()


@pytest.mark.parametrize("name", MODELS)
def test_seed_fixes_the_weights(name: str, digits: blocks.Params) -> None:
    first, again, other = (
        build_model(network(name, digits, 1, 8, 10), seed=s).state_dict() for s in (0, 0, 1)
    )
    assert all(torch.equal(v, again[k]) for k, v in first.items())
    assert not all(torch.equal(v, other[k]) for k, v in first.items())


def test_building_leaves_the_global_stream_alone(digits: blocks.Params) -> None:
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    build_model(network("small_cnn", digits, 1, 8, 10), seed=5)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize(
    ("name", "weights"),
    [
        ("resnet18", 11_173_962),
        ("preact_resnet18", 11_172_170),
        ("wrn34_10", 46_160_474),
        ("wrn28_10", 36_479_194),
        ("vit_ti4", 5_350_090),
    ],
)
def test_published_networks(name: str, weights: int, digits: blocks.Params) -> None:
    model = build_model(describe_network(digits.architectures[name], 3, 32, 10))
    assert sum(p.numel() for p in model.parameters()) == weights


def test_narrow_resnet_costs_less(digits: blocks.Params) -> None:
    options = digits.architectures["resnet18"].model_copy(update={"width": 16, "stem_stride": 2})
    model = build_model(describe_network(options, 3, 32, 10))
    assert 600_000 < sum(p.numel() for p in model.parameters()) < 800_000
    assert model.backbone.stem(torch.rand(1, 3, 32, 32)).shape == (1, 16, 16, 16)


def test_parameter_count(digits: blocks.Params) -> None:
    model = build_model(network("small_cnn", digits, 1, 8, 10), seed=0)
    convolutions = (9 * 1 + 1) * 16 + (9 * 16 + 1) * 32 + (9 * 32 + 1) * 32
    assert sum(p.numel() for p in model.parameters()) == convolutions + 129 * 64 + 65 * 10


@pytest.mark.parametrize("name", MODELS)
def test_normalization_is_the_first_step(name: str, digits: blocks.Params) -> None:
    """The attack sees pixels; the network sees (x - mean) / std."""
    plain = options_of(name, digits)
    options = plain.model_copy(update={"normalization": "per_channel"})
    statistics = ([0.2, 0.4, 0.6], [0.5, 0.25, 0.1])
    normalized = build_model(describe_network(options, 3, 16, 5, statistics), seed=0).eval()
    bare = build_model(describe_network(plain, 3, 16, 5), seed=0).eval()
    x = torch.rand(4, 3, 16, 16)
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in statistics)
    assert torch.equal(normalized(x), bare((x - mean) / std))


def settled(name: str, digits: blocks.Params) -> torch.nn.Module:
    """A network in eval mode whose batch norms have seen something, in float64."""
    model = build_model(network(name, digits, 3, 16, 10), seed=0).double()
    torch.manual_seed(1)
    for norm in (m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)):
        norm.running_mean.normal_(0, 0.1)
        norm.running_var.uniform_(0.5, 2)
        torch.nn.init.uniform_(norm.weight, 0.5, 1.5)
        torch.nn.init.normal_(norm.bias, 0, 0.1)
    return model.eval()


def gradient(model: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
    x = x.clone().requires_grad_()
    return torch.autograd.grad(model.features(x).square().sum(), x)[0]


@pytest.mark.parametrize("name", MODELS)
def test_folding_changes_nothing_but_rounding(name: str, digits: blocks.Params) -> None:
    model = settled(name, digits)
    x = torch.rand(3, 3, 16, 16, dtype=torch.float64)
    expected, expected_gradient = model.features(x), gradient(model, x)
    with folded(model):
        torch.testing.assert_close(model.features(x), expected, rtol=1e-9, atol=1e-12)
        torch.testing.assert_close(gradient(model, x), expected_gradient, rtol=1e-8, atol=1e-12)
    assert torch.equal(model.features(x), expected), "left as it was"


def test_folding_may_be_nested_and_follows_the_weights(digits: blocks.Params) -> None:
    model = settled("resnet18", digits)
    x = torch.rand(2, 3, 16, 16, dtype=torch.float64)
    with folded(model):
        inside = model.features(x)
        with folded(model):
            assert torch.equal(model.features(x), inside)
        assert torch.equal(model.features(x), inside)
    pairs = [m for m in model.modules() if isinstance(m, ConvNorm)]
    assert len(pairs) == 20
    assert all(pair.folded is None for pair in pairs)
    with torch.no_grad():
        pairs[0].norm.bias += 1
    expected = model.features(x)
    assert not torch.allclose(expected, inside)
    with folded(model):
        torch.testing.assert_close(model.features(x), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", MODELS)
def test_bfloat16_gives_float32_logits(name: str, digits: blocks.Params) -> None:
    model = settled(name, digits).float()
    x = torch.rand(3, 3, 16, 16)
    exact = model(x)
    with torch.autocast("cpu", torch.bfloat16):
        plain = model(x)
        with folded(model):
            fused = model(x)
    for logits in (plain, fused):
        assert logits.dtype == torch.float32
        torch.testing.assert_close(logits, exact, rtol=0.1, atol=0.1)
        assert not torch.equal(logits, exact)

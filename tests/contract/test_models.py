"""What every file in models/ must keep, new ones included."""

import pytest
import torch

from taet import params, plugins
from taet.networks import build_model, describe_network

MODELS = plugins.names("models")


def network(name: str, digits: params.Params, channels: int, size: int, classes: int) -> dict:
    options = next(b for b in digits.architectures.values() if b.kind == name)
    return describe_network(options, channels, size, classes)


@pytest.mark.parametrize(("channels", "size", "classes"), [(1, 8, 10), (3, 32, 2), (1, 28, 100)])
@pytest.mark.parametrize("name", MODELS)
def test_shapes(name: str, channels: int, size: int, classes: int, digits: params.Params) -> None:
    model = build_model(network(name, digits, channels, size, classes), seed=0)
    logits = model(torch.rand(2, channels, size, size))
    assert logits.shape == (2, classes)
    assert torch.isfinite(logits).all()


@pytest.mark.parametrize("name", MODELS)
def test_seed_fixes_the_weights(name: str, digits: params.Params) -> None:
    first, again, other = (
        build_model(network(name, digits, 1, 8, 10), seed=s).state_dict() for s in (0, 0, 1)
    )
    assert all(torch.equal(v, again[k]) for k, v in first.items())
    assert not all(torch.equal(v, other[k]) for k, v in first.items())


def test_building_leaves_the_global_stream_alone(digits: params.Params) -> None:
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    build_model(network("small_cnn", digits, 1, 8, 10), seed=5)
    assert torch.equal(torch.rand(3), expected)


def test_parameter_count(digits: params.Params) -> None:
    model = build_model(network("small_cnn", digits, 1, 8, 10), seed=0)
    convolutions = (9 * 1 + 1) * 16 + (9 * 16 + 1) * 32 + (9 * 32 + 1) * 32
    assert sum(p.numel() for p in model.parameters()) == convolutions + 129 * 64 + 65 * 10

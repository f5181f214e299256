"""Networks as files: their first weights, normalisation, adjustment, and which checkpoint is loaded."""

from pathlib import Path

import pytest
import torch
from torch import nn

from taet.networks.network import (
    Adjusted,
    Network,
    build_model,
    describe_network,
    load_model,
    model_arrays,
)
from taet.study.params import blocks
from taet.study.store import artifacts

X = torch.rand(4, 2, 8, 8, generator=torch.Generator().manual_seed(0))


def described(digits: blocks.Params) -> dict:
    return describe_network(digits.architectures["small_cnn"], 2, 8, 3)


def test_normalisation_takes_the_mean_first() -> None:
    network = Network(nn.Identity(), nn.Flatten(), ([0.25, 0.5], [0.5, 2.0]))
    expected = torch.stack([(X[:, 0] - 0.25) / 0.5, (X[:, 1] - 0.5) / 2.0], 1)
    torch.testing.assert_close(network(X), expected.flatten(1))


def test_adjustment_scales_and_then_adds() -> None:
    network = nn.Flatten()
    bias = [float(i) for i in range(128)]
    torch.testing.assert_close(
        Adjusted(network, 3.0, bias)(X), 3 * X.flatten(1) + torch.arange(128.0)
    )


def test_seeds_have_first_weights_of_their_own(digits: blocks.Params) -> None:
    one, same, other = (build_model(described(digits), seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(value, same[name]) for name, value in one.items())
    assert not any(torch.equal(value, other[name]) for name, value in one.items())


@pytest.mark.parametrize("checkpoint", ["last", "best"])
def test_the_checkpoint_that_is_asked_for(
    digits: blocks.Params, tmp_path: Path, checkpoint: str
) -> None:
    """With its own weights and its own adjustment, in eval mode."""
    network = described(digits)
    models = {name: build_model(network, seed) for seed, name in enumerate(("last", "best"))}
    arrays = {
        name: value
        for part, model in models.items()
        for name, value in model_arrays(model.state_dict(), f"{part}/").items()
    }
    inferences = {"last": {"scale": 2.0, "bias": [0.0, 1.0, 2.0]}, "best": None}
    checkpoints = {name: {"epoch": 1, "inference": value} for name, value in inferences.items()}
    file = tmp_path / "model.safetensors"
    artifacts.write_arrays(file, arrays, "k", network=network, checkpoints=checkpoints)
    model = load_model(file, "k", checkpoint)
    assert not any(module.training for module in model.modules())
    with torch.no_grad():
        expected = models[checkpoint].eval()(X)
        if checkpoint == "last":
            expected = 2 * expected + torch.arange(3.0)
        torch.testing.assert_close(model(X), expected)

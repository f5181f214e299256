"""Networks as files: how to build one, and how to store and load its weights.

A checkpoint's header says how to build the network, so that whoever loads it needs to know nothing
about the method that trained it.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from taet import artifacts, plugins
from taet.options import ModelOptions
from taet.seeds import seed_for

Arrays = dict[str, "np.ndarray[Any, Any]"]


def build_model(network: dict[str, Any], seed: int | None = None) -> nn.Module:
    """A network with fresh weights.

    Args:
        network: see ``describe_network``.
        seed: fixes the initial weights, alike for all methods; None where they will be overwritten.
    """
    options = plugins.options_class("models", network["options"]["kind"])(**network["options"])
    module = plugins.load("models", options.kind)
    sizes = (network["channels"], network["size"], network["classes"])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0 if seed is None else seed_for("weights", options.kind, seed))
        # Channels last is the loader's own layout, and the faster (benchmarks/memory_format.py).
        model = module.build(options, *sizes).to(memory_format=torch.channels_last)
    if options.normalization == "none":
        return model
    return Normalized(model, network["pixel_mean"], network["pixel_std"])


class Normalized(nn.Module):
    """A network that sees (x - mean) / std per channel, and is attacked in pixel space."""

    def __init__(self, network: nn.Module, mean: list[float], std: list[float]) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.network((x - self.mean) / self.std)


def describe_network(
    options: ModelOptions,
    channels: int,
    size: int,
    classes: int,
    pixel_statistics: tuple[list[float], list[float]] | None = None,
) -> dict[str, Any]:
    """What ``build_model`` needs, as JSON.

    Args:
        options: the architecture's block.
        channels: of an image, 1 or 3.
        size: pixels on each side.
        classes: number of logits.
        pixel_statistics: mean and standard deviation of each channel in [0,1] pixel range, where
            ``options.normalization`` wants them.
    """
    network = {
        "options": options.model_dump(mode="json"),
        "channels": channels,
        "size": size,
        "classes": classes,
    }
    if pixel_statistics is not None:
        network["pixel_mean"], network["pixel_std"] = pixel_statistics
    return network


def model_arrays(model: nn.Module) -> Arrays:
    """Weights and buffers of a model."""
    return {f"model/{k}": v.detach().cpu().numpy() for k, v in model.state_dict().items()}


def restore_model(model: nn.Module, arrays: Arrays) -> None:
    """Put saved weights and buffers into ``model``."""
    model.load_state_dict(tensors(arrays, "model/"))


def load_model(path: Path, key: str | None = None) -> nn.Module:
    """A trained model, in eval mode: takes [B, C, H, W] float32 in [0,1], gives logits.

    Raises:
        UserError: missing, damaged, or not made by ``key``.
    """
    arrays, facts = artifacts.read_arrays(path, key)
    model = build_model(facts["network"])
    restore_model(model, arrays)
    return model.eval()


def tensors(arrays: Arrays, prefix: str) -> dict[str, torch.Tensor]:
    """The arrays whose names begin with ``prefix``, without it."""
    return {
        name.removeprefix(prefix): torch.from_numpy(np.array(value))
        for name, value in arrays.items()
        if name.startswith(prefix)
    }

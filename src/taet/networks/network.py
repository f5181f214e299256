"""Networks as files: how to build one, and how to store and load its weights.

A checkpoint's header says how to build the network, so that loading needs to know nothing about the method
that trained it.
"""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from taet.compute.batches import in_batches
from taet.errors import UserError, counted
from taet.networks.heads import LINEAR, build_head
from taet.options import ModelOptions
from taet.seeds import seed_for
from taet.study.params import plugins
from taet.study.store import artifacts

Arrays = dict[str, "np.ndarray[Any, Any]"]

LAST, BEST = "last", "best"  # checkpoints of one training


class Network(nn.Module):
    """Normalisation, backbone and head: images [B, C, H, W] float32 in [0,1] to outputs [B, classes].

    Args:
        statistics: mean and standard deviation of each channel, in [0,1] pixel range, or None for a
            backbone that sees pixels as they are. Part of the network, so that eps is in pixel space.
    """

    def __init__(
        self,
        backbone: nn.Module,
        head: nn.Module,
        statistics: tuple[list[float], list[float]] | None,
    ) -> None:
        super().__init__()
        self.backbone, self.head = backbone, head
        self.normalized = statistics is not None
        if statistics is not None:
            for name, values in zip(("mean", "std"), statistics, strict=True):
                self.register_buffer(name, torch.tensor(values).view(1, -1, 1, 1))

    def features(self, x: Tensor) -> Tensor:
        """What the head sees, [B, D]."""
        return self.backbone((x - self.mean) / self.std if self.normalized else x)

    def forward(self, x: Tensor) -> Tensor:
        # Losses are taken in the images' type, whatever autocast had the network compute in.
        return self.head(self.features(x)).to(x.dtype)


class Adjusted(nn.Module):
    """A trained network as it is used: scale * outputs + bias, one bias per class.

    RoBal's boundary adjustment, post-hoc logit adjustment and the scale of cosine heads are such adjustments.
    They are part of the saved model, so that every attack sees the logits that decide.
    """

    def __init__(self, network: nn.Module, scale: float, bias: list[float]) -> None:
        super().__init__()
        self.network, self.scale = network, scale
        device = next((weight.device for weight in network.parameters()), None)
        self.register_buffer("bias", torch.tensor(bias, device=device), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.scale * self.network(x) + self.bias


def build_model(network: dict[str, Any], seed: int | None = None) -> Network:
    """A network with fresh weights, as it is trained.

    Args:
        network: see ``describe_network``.
        seed: fixes the initial weights, the same for all methods; None where they will be overwritten.
    """
    kind = network["options"]["kind"]
    options = plugins.options_class("architectures", kind)(label=kind, **network["options"])
    module = plugins.load("architectures", kind)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0 if seed is None else seed_for("weights", kind, seed))
        backbone = module.build(options, network["channels"], network["size"])
        head = build_head(network["head"], backbone.features, network["classes"])
        if isinstance(head, nn.Linear):
            backbone.init_head(head)
    # Channels last is the loader's own layout, and the faster (benchmarks/memory_format.py).
    return Network(backbone, head, network["pixels"]).to(memory_format=torch.channels_last)


def describe_network(
    options: ModelOptions,
    channels: int,
    size: int,
    classes: int,
    pixels: tuple[list[float], list[float]] | None = None,
    head: dict[str, Any] = LINEAR,
) -> dict[str, Any]:
    """What ``build_model`` needs, as JSON.

    Args:
        options: the architecture's block.
        channels: of an image, 1 or 3.
        size: pixels on each side.
        classes: number of outputs.
        pixels: mean and standard deviation of each channel in [0,1] pixel range, where
            ``options.normalization`` wants them.
        head: see ``taet.networks.heads.build_head``.
    """
    return {
        "options": options.model_dump(
            mode="json", exclude={"label"}
        ),  # the label is for tables only
        "channels": channels,
        "size": size,
        "classes": classes,
        "pixels": pixels,
        "head": head,
    }


def model_arrays(weights: dict[str, Tensor], prefix: str = "model/") -> Arrays:
    """Weights and buffers of a model, by their names in its ``state_dict``."""
    return {f"{prefix}{name}": value.detach().cpu().numpy() for name, value in weights.items()}


def restore_model(model: nn.Module, arrays: Arrays, prefix: str = "model/") -> None:
    """Put saved weights and buffers into ``model``, a whole network or a part of it.

    Raises:
        UserError: names or shapes are not those of ``model``.
    """
    try:
        model.load_state_dict(tensors_under(arrays, prefix))
    except RuntimeError as error:
        raise UserError(
            f"a checkpoint does not hold the network that its header names: {error}; delete it"
        ) from None


def features_of(model: nn.Module, x: Tensor) -> Tensor:
    """Features of images, [N, D]: the inputs of the head of one of our networks.

    Args:
        model: what ``load_model`` gives.
        x: [N, C, H, W] float32 in [0,1].
    """
    network = getattr(model, "network", model)  # without the adjustment of its outputs, if any
    with torch.no_grad():
        return network.features(x)  # type: ignore[no-any-return]


def load_model(path: Path, key: str | None = None, checkpoint: str = LAST) -> nn.Module:
    """A trained model, in eval mode: takes [B, C, H, W] float32 in [0,1], gives logits.

    Args:
        path: what the stage ``equalize`` wrote.
        key: of the job that must have made it; None for any.
        checkpoint: ``last``, or ``best`` on the validation images.

    Raises:
        UserError: missing, damaged, not made by ``key``, or without this checkpoint.
    """
    arrays, facts = artifacts.read_arrays(path, key)
    if checkpoint not in facts["checkpoints"]:
        raise UserError(
            f"{path}: no checkpoint {checkpoint!r}, only {', '.join(facts['checkpoints'])}"
        )
    model = build_model(facts["network"])
    restore_model(model, arrays, f"{checkpoint}/")
    return as_used(model, facts["checkpoints"][checkpoint]["inference"])


def as_used(model: nn.Module, inference: dict[str, Any] | None) -> nn.Module:
    """A trained network in eval mode, with the adjustment of its outputs (``Adjusted``), if there is one."""
    if inference is None:
        return model.eval()
    return Adjusted(model, **inference).eval()


@torch.no_grad()
def predict(model: nn.Module, x: Tensor, batch_size: int) -> Tensor:
    """Predicted classes, [N] int64.

    Raises:
        UserError: an image's outputs decide for no class (``undecided``); argmax would give the first one.
    """
    none = torch.empty(0, dtype=torch.int64, device=x.device)
    return torch.cat([none, *in_batches(partial(_classes, model), batch_size, x)])


def _classes(model: nn.Module, x: Tensor) -> Tensor:
    logits = model(x)
    if bad := undecided(logits):
        raise UserError(
            f"the model's outputs are not finite for {bad} of {counted(len(x), 'image')}; its training has "
            "diverged, or it overflows, or divides by 0"
        )
    return logits.argmax(1)


def undecided(logits: Tensor) -> int:
    """How many rows of [B, classes] decide for no class: one logit is NaN, or the largest is infinite.

    A logit of -inf leaves a class out, which is allowed.
    """
    return int((~torch.isfinite(logits.amax(1))).sum())


def tensors_under(
    arrays: Arrays, prefix: str, device: torch.device | str = "cpu"
) -> dict[str, Tensor]:
    """The arrays whose names begin with ``prefix``, without it, on a device."""
    return {
        name.removeprefix(prefix): torch.from_numpy(np.array(value)).to(device)
        for name, value in arrays.items()
        if name.startswith(prefix)
    }

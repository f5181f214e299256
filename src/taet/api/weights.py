"""Weights that others have trained: read from a file without running anything, and put into a network here.

Names of weights are those of the code from which most checkpoints of the field come: ResNet-18 as in
RobustBench and timm, PreActResNet-18 of Rice et al. 2020, WideResNet of TRADES.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from taet.api import arguments
from taet.errors import UserError, counted, first_line, shortened
from taet.networks.network import Network, build_model, describe_network
from taet.options import ModelOptions

Weights = dict[str, Tensor]

WRAPPERS = ("state_dict", "model_state_dict", "model", "net")  # keys of dictionaries in files
# Of modules that contain the network: data parallel, compiled, behind a normalisation.
PREFIXES = ("module.", "model.", "net.", "_orig_mod.", "1.")
STATISTICS = (("mean", "std"), ("mu", "sigma"))  # of pixels
UNUSED = "sub_block1."  # of TRADES' WideResNet, whose forward pass leaves it out
SIZE = 32  # pixels on each side; networks with names in the field take any size
# In torch's messages about files that want to run something.
CODE = re.compile("unsupported global|TorchScript", re.IGNORECASE)
COUNTER = "num_batches_tracked"  # of batch norm; older files have none, and eval mode needs none

LAYER, HEAD = r"layer(?P<stage>\d)\.(?P<block>\d+)\.", (r"(linear|fc)\.", "head.")
WIDE = r"block(?P<stage>\d)\.layer\.(?P<block>\d+)\."
SHORTCUT = rf"{LAYER}(shortcut|downsample)\."
# By kind of architecture: how names begin in the field, and here; BLOCK is a block's number.
NAMES = {
    "resnet18": (
        (r"conv1\.", "backbone.stem.conv."),
        (r"bn1\.", "backbone.stem.norm."),
        (rf"{LAYER}conv1\.", "backbone.blocks.BLOCK.first.conv."),
        (rf"{LAYER}bn1\.", "backbone.blocks.BLOCK.first.norm."),
        (rf"{LAYER}conv2\.", "backbone.blocks.BLOCK.second.conv."),
        (rf"{LAYER}bn2\.", "backbone.blocks.BLOCK.second.norm."),
        (rf"{SHORTCUT}0\.", "backbone.blocks.BLOCK.shortcut.conv."),
        (rf"{SHORTCUT}1\.", "backbone.blocks.BLOCK.shortcut.norm."),
        HEAD,
    ),
    "preact_resnet18": (
        (r"conv1\.", "backbone.stem."),
        (rf"{LAYER}bn1\.", "backbone.blocks.BLOCK.norm."),
        (rf"{LAYER}conv1\.", "backbone.blocks.BLOCK.first.conv."),
        (rf"{LAYER}bn2\.", "backbone.blocks.BLOCK.first.norm."),
        (rf"{LAYER}conv2\.", "backbone.blocks.BLOCK.second."),
        (rf"{SHORTCUT}0\.", "backbone.blocks.BLOCK.shortcut."),
        (r"bn\.", "backbone.norm."),
        HEAD,
    ),
    "wide_resnet": (
        (r"conv1\.", "backbone.stem."),
        (rf"{WIDE}bn1\.", "backbone.blocks.BLOCK.norm."),
        (rf"{WIDE}conv1\.", "backbone.blocks.BLOCK.first.conv."),
        (rf"{WIDE}bn2\.", "backbone.blocks.BLOCK.first.norm."),
        (rf"{WIDE}conv2\.", "backbone.blocks.BLOCK.second."),
        (rf"{WIDE}convShortcut\.", "backbone.blocks.BLOCK.shortcut."),
        (r"bn1\.", "backbone.norm."),
        HEAD,
    ),
}


class OtherNetworkError(UserError):
    """Weights do not fit the architecture."""


def load_named(
    path: str | Path, architecture: Any, blocks: Mapping[str, ModelOptions]
) -> nn.Module:
    """See ``load_weights``; the architecture by its name in the parameters.

    Raises:
        UserError: as ``load_weights``, or there is no such architecture.
    """
    file = arguments.path("path", path)
    arguments.one_of("architecture", "architecture", architecture, blocks)
    try:
        return load_weights(file, blocks[architecture], SIZE)
    except OtherNetworkError as error:
        raise OtherNetworkError(f"{error}; known: {', '.join(blocks)}") from None


def load_weights(path: Path, options: ModelOptions, size: int) -> nn.Module:
    """A network with weights from a file, in eval mode: images [B, C, H, W] float32 in [0,1] to logits.

    Channels and classes are those of the weights. Where the file has mean and standard deviation of the
    pixels (``mean`` and ``std``, or ``mu`` and ``sigma``), the network normalises with them; otherwise it
    takes pixels as they are.

    Args:
        path: a safetensors file, or one that ``torch.save`` wrote, of a ``state_dict`` or of a dictionary
            with one.
        options: the architecture.
        size: pixels on each side of the images.

    Raises:
        UserError: the file is missing, damaged, or holds more than tensors; or its weights are of another
            network or no possible values.
    """
    weights = _without_prefixes(path, _read(path))
    statistics = _take_statistics(weights)
    ours = _renamed(path, weights, options)
    kernels = [tensor for tensor in ours.values() if tensor.ndim == 4]
    head = ours.get("head.weight")
    if not kernels or head is None:
        first = shortened(next(iter(weights), "no weights but mean and standard deviation"))
        raise _of_another_network(path, options, f"it has {first}")
    channels = min(kernel.shape[1] for kernel in kernels)  # of the first convolution
    if statistics is not None:
        _check_statistics(path, statistics, channels)
    network = build_model(describe_network(options, channels, size, len(head), statistics))
    _fill(network, ours, path, options)
    return network.eval()


def _read(path: Path) -> Weights:
    arguments.existing_file(path)
    try:
        if path.suffix == ".safetensors":
            content: Any = safetensors.torch.load_file(path)
        else:
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # of many kinds, for files of any kind
        if CODE.search(str(error)):
            raise UserError(
                f"{path}: holds a whole model or code, which is never run; save its state_dict"
            ) from None
        raise UserError(
            f"{path}: cannot be read as weights ({shortened(first_line(error))}); save them with "
            "torch.save(model.state_dict(), FILE) or as safetensors"
        ) from None
    weights = _inside(content)
    if not isinstance(weights, Mapping) or not weights:
        raise UserError(f"{path}: holds a {type(weights).__name__}; must hold a state_dict")
    if odd := [name for name, value in weights.items() if not isinstance(value, Tensor)]:
        raise UserError(f"{path}: {shortened(repr(odd[0]))} is no tensor; must hold a state_dict")
    return {str(name): _values(path, str(name), value) for name, value in weights.items()}


def _values(path: Path, name: str, given: Tensor) -> Tensor:
    """A weight in float32.

    Raises:
        UserError: it has no finite real numbers.
    """
    problem = arguments.storage_problem(given)
    if problem is None and given.is_complex():
        problem = "a tensor of complex numbers"
    if problem is None and not torch.isfinite(values := given.to(torch.float32)).all():
        problem = "not finite: the network has diverged"
    if problem:
        raise UserError(f"{path}: {shortened(name)} is {problem}")
    return values


def _inside(content: Any) -> Any:
    """The state_dict in the dictionaries that people wrap around it."""
    if isinstance(content, Mapping):
        for name in WRAPPERS:
            if isinstance(content.get(name), Mapping):
                return _inside(content[name])
    return content


def _without_prefixes(path: Path, weights: Weights) -> Weights:
    """Names as the network alone has them; what a containing module adds, such as statistics, stays."""
    for prefix in PREFIXES:
        if 2 * sum(name.startswith(prefix) for name in weights) > len(weights):
            shorter = {name: name.removeprefix(prefix) for name in weights}
            return _without_prefixes(path, _with_names(path, weights, shorter))
    return weights


def _with_names(path: Path, weights: Weights, names: Mapping[str, str]) -> Weights:
    """Weights by other names.

    Args:
        names: the new names by the old ones; weights without a new name are left out.

    Raises:
        UserError: two of them would have the same.
    """
    old_names: dict[str, str] = {}
    for name, new in names.items():
        if (other := old_names.setdefault(new, name)) != name:
            raise UserError(
                f"{path}: {shortened(other)} and {shortened(name)} are two names of one weight; keep one"
            )
    return {new: weights[name] for new, name in old_names.items()}


def _take_statistics(weights: Weights) -> tuple[list[float], list[float]] | None:
    """Take mean and standard deviation of the pixels out of the weights; None if there are none."""
    names = {name.rpartition(".")[2]: name for name in weights if name.count(".") <= 1}
    for pair in STATISTICS:
        if all(name in names for name in pair):
            mean, std = (weights.pop(names[name]).flatten().tolist() for name in pair)
            return mean, std
    return None


def _check_statistics(
    path: Path, statistics: tuple[list[float], list[float]], channels: int
) -> None:
    """Check mean and standard deviation of pixels, which count in [0,1].

    Raises:
        UserError: they are for other channels, or impossible.
    """
    mean, std = statistics
    if not len(mean) == len(std) == channels:
        raise UserError(
            f"{path}: mean of {counted(len(mean), 'channel')} and standard deviation of "
            f"{counted(len(std), 'channel')}; the network has {channels}"
        )
    if not all(0 <= m <= 1 and 0 < s <= 1 for m, s in zip(mean, std, strict=True)):
        large = max(mean + std) > 1
        scale = "; probably of pixels from 0 to 255: divide both by 255" if large else ""
        raise UserError(
            f"{path}: mean {_short(mean)} and standard deviation {_short(std)} of the pixels; must be in "
            f"[0,1], the latter above 0{scale}"
        )


def _short(numbers: list[float]) -> str:
    return ", ".join(f"{number:g}" for number in numbers)


def _renamed(path: Path, weights: Weights, options: ModelOptions) -> Weights:
    """Weights by the names of this package; unknown names are left as they are."""
    per_stage = (options.depth - 4) // 6 if hasattr(options, "depth") else 2
    patterns = NAMES.get(options.kind, ())
    used = [name for name in weights if not name.startswith(UNUSED)]
    return _with_names(path, weights, {name: _name(name, patterns, per_stage) for name in used})


def _name(name: str, patterns: tuple[tuple[str, str], ...], per_stage: int) -> str:
    for pattern, ours in patterns:
        if match := re.match(pattern, name):
            position = {key: int(value) for key, value in match.groupdict().items()}
            if position and position["block"] >= per_stage:
                return name  # of a deeper network: here the number is that of a block of the next stage
            if position:
                number = (position["stage"] - 1) * per_stage + position["block"]
                ours = ours.replace("BLOCK", str(number))
            return ours + name[match.end() :]
    return name


def _fill(network: Network, weights: Weights, path: Path, options: ModelOptions) -> None:
    """Put the weights into the network, all of them and no others, of the same shapes."""
    own = network.state_dict()
    for name, tensor in own.items():
        if name in ("mean", "std") or name.endswith(COUNTER):
            continue
        if name not in weights:
            raise _of_another_network(path, options, f"no weight for {name}")
        if weights[name].shape != tensor.shape:
            shapes = f"{tuple(weights[name].shape)} instead of {tuple(tensor.shape)}"
            raise _of_another_network(path, options, f"{name} has the shape {shapes}")
    if surplus := [n for n in weights if n not in own and not n.endswith(COUNTER)]:
        raise _of_another_network(path, options, f"{shortened(surplus[0])} is none of its weights")
    network.load_state_dict(own | weights)


def _of_another_network(path: Path, options: ModelOptions, difference: str) -> OtherNetworkError:
    return OtherNetworkError(
        f"{path}: weights of another network than {options.label}: {difference}; give a function that "
        "returns the model, or name another architecture"
    )

"""The options ``--model`` and ``--architecture`` of commands that take a model of the user's own."""

import argparse
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from taet.cli.axes import AXES, add_axis
from taet.errors import UserError

if TYPE_CHECKING:
    from torch import nn

    from taet.options import ModelOptions

MODEL_HELP = (
    "MODULE:FUNCTION or FILE.py:FUNCTION, a function that returns a torch module: images in [0,1] to logits; "
    "the module is executed. Or a trained network, such as results/STUDY/equalize/.../seed0.safetensors. Or "
    "a file of others' weights, with --architecture"
)


def add_model(sub: argparse.ArgumentParser, **changes: Any) -> None:
    """Let a command take a model.

    Args:
        changes: arguments of argparse that differ in this command.
    """
    usual = {"required": True, "metavar": "MODEL", "help": MODEL_HELP}
    sub.add_argument("--model", **{**usual, **changes})
    add_axis(
        sub,
        "architecture",
        required=False,
        help=f"{AXES['architecture'].help}, of the weights in the file --model (.safetensors, .pt, .pth); "
        "nothing in it is executed",
    )


def load_model(
    options: argparse.Namespace, architectures: "Mapping[str, ModelOptions]"
) -> "nn.Module":
    """The model that the options name.

    Raises:
        UserError: there is no such model.
    """
    # Imported here, since they bring torch.
    from taet.api.named_model import load_named_model
    from taet.api.weights import load_named

    if options.architecture is None:
        return load_named_model(options.model)
    return load_named(_file(options.model), options.architecture, architectures)


def trained_seed(model: str) -> str | None:
    """The seed in the name of a trained network's file; None of any other model."""
    named = re.search(r"seed(\d+)\.safetensors$", model)
    return named[1] if named else None


def _file(model: str) -> Path:
    """The path in ``--model``, beside ``--architecture``.

    Raises:
        UserError: it is the name of a function.
    """
    if model.rpartition(":")[2].isidentifier() and ":" in model:
        raise UserError("--architecture is for a file of weights; leave it out")
    return Path(model)

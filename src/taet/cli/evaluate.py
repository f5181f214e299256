"""The command ``evaluate``: a model of the user's own under attack."""

import argparse
import re
from pathlib import Path

from taet.cli.axes import AXES, add_axis
from taet.cli.commands import Commands, add_set, selection_of
from taet.decimals import is_integer
from taet.errors import ArgumentError, UserError
from taet.study.plan.study import Study


def add(commands: Commands) -> None:
    own = commands.add(
        "evaluate",
        "attack a model of your own on a data set's test images, and print a table",
        evaluate,
    )
    # Left out, it depends on the folder: ``study_of_data_set``.
    own.set_defaults(params=None)
    own.add_argument(
        "--model",
        required=True,
        metavar="MODEL",
        help="MODULE:FUNCTION or FILE.py:FUNCTION, a function that returns a torch module: images in [0,1] "
        "to logits; the module is executed. Or a trained network, such as results/STUDY/equalize/.../"
        "seed0.safetensors. Or a file of others' weights, with --architecture",
    )
    add_axis(
        own,
        "architecture",
        required=False,
        help=f"{AXES['architecture'].help}, of the weights in the file --model (.safetensors, .pt, .pth); "
        "nothing in it is executed",
    )
    add_axis(
        own,
        "dataset",
        help=f"{AXES['dataset'].help}; in a folder without params.yaml it is one of the package's, and is "
        "downloaded once",
    )
    own.add_argument(
        "--attacks",
        metavar="NAMES",
        help="names under 'attacks' in the parameters, separated by commas (default: the study's)",
    )
    own.add_argument(
        "--eps", metavar="NUMBER", help="L-inf radius, such as 8/255 (default: the study's)"
    )
    own.add_argument("--images", metavar="N", help="test images at most (default: all)")
    add_axis(
        own,
        "seed",
        required=False,
        help="of the attacks' noise, and of a split where the data set has none (default: 0, or that in the "
        "name of a trained network's file)",
    )
    add_set(own)


def evaluate(options: argparse.Namespace) -> None:
    # Imported here, since they bring torch, which no other of these commands needs.
    from taet.api.named_model import load_named_model
    from taet.api.own_model import attack_model
    from taet.api.parameters import study_of_data_set
    from taet.api.verdict_table import table
    from taet.api.weights import load_named

    study, cache, folders = study_of_data_set(selection_of(options), options.params, None)
    attacks = None if options.attacks is None else _attack_names(options.attacks, study)
    try:
        frame = attack_model(
            study,
            load_named_model(options.model)
            if options.architecture is None
            else load_named(_file(options.model), options.architecture, study.params.architectures),
            options.dataset,
            attacks,
            eps=options.eps,
            seed=_seed_of(options.model) if options.seed is None else options.seed,
            images=_number(options.images),
            cache=cache,
            folders=folders,
            title=options.model,
        )
    except ArgumentError as error:
        raise UserError(f"--{error}") from None
    print(table(frame, study.params.report.confidence))


def _seed_of(model: str) -> str:
    """The seed of a trained network, whose test images are those of the same seed; 0 of any other model."""
    named = re.search(r"seed(\d+)\.safetensors$", model)
    return named[1] if named else "0"


def _file(model: str) -> Path:
    """The path in ``--model``, beside ``--architecture``.

    Raises:
        UserError: it is the name of a function.
    """
    if model.rpartition(":")[2].isidentifier() and ":" in model:
        raise UserError("--architecture is for a file of weights; leave it out")
    return Path(model)


def _attack_names(text: str, study: Study) -> list[str]:
    """The names in ``--attacks``.

    Raises:
        UserError: there is an empty one.
    """
    names = [name.strip() for name in text.split(",")]
    if "" in names:
        known = ", ".join(study.params.attacks)
        raise UserError(f"--attacks: an empty name in {text!r}; known: {known}")
    return names


def _number(text: str | None) -> int | str | None:
    """A text as a whole number where it is one; any other is refused by who takes the number."""
    return int(text) if text is not None and is_integer(text) else text

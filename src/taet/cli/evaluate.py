"""The command ``evaluate``: a model of the user's own under attack."""

import argparse

from taet.cli.axes import AXES, add_axis
from taet.cli.commands import Commands, add_set, selection_of
from taet.cli.model import add_model, load_model, trained_seed
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
    add_model(own)
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
    from taet.api.own_model import attack_model
    from taet.api.parameters import study_of_data_set
    from taet.api.verdict_table import table

    study, cache, folders = study_of_data_set(selection_of(options), options.params, None)
    attacks = None if options.attacks is None else _attack_names(options.attacks, study)
    try:
        frame = attack_model(
            study,
            load_model(options, study.params.architectures),
            options.dataset,
            attacks,
            eps=options.eps,
            seed=trained_seed(options.model) or "0" if options.seed is None else options.seed,
            images=_number(options.images),
            cache=cache,
            folders=folders,
            title=options.model,
        )
    except ArgumentError as error:
        raise UserError(f"--{error}") from None
    print(table(frame, study.params.report.confidence))


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

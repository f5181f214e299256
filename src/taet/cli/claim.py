"""The commands ``claim`` and ``leaderboard``: numbers under one protocol, made, checked and compared."""

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from taet.claims.protocol import WORST
from taet.cli.axes import add_axis
from taet.cli.commands import Commands
from taet.cli.model import MODEL_HELP, add_model, load_model, trained_seed
from taet.errors import ArgumentError, UserError
from taet.study.params.blocks import imbalance_ratio, imbalance_ratio_label
from taet.study.params.load import PARAMS_FILE, load_params
from taet.study.plan.costs import training_passes
from taet.study.store.artifacts import check_writable
from taet.values import parse_number

if TYPE_CHECKING:
    from torch import nn

    from taet.claims.images import ImageLists

LONGEST_NAME = 60  # characters of a name that is not given
SAVED = re.compile(r"(\w+)/(\w+)")  # STUDY/METHOD, a trained network of a study


def add(commands: Commands) -> None:
    _add_claim(commands)
    _add_leaderboard(commands)


def _add_claim(commands: Commands) -> None:
    claim = commands.add(
        "claim",
        "attack a model by one protocol, and write its numbers as a small file that others can check",
        run,
        study=False,
    )
    claim.set_defaults(params=None, refuse=claim.error)
    add_model(
        claim,
        required=False,
        help=f"{MODEL_HELP}. Or STUDY/METHOD, a saved network such as digits/taet",
    )
    add_axis(claim, "dataset", required=False)
    add_axis(claim, "imbalance_ratio", required=False)
    claim.add_argument("--name", help="what tables call the model (default: that of --model)")
    claim.add_argument(
        "--passes",
        metavar="N",
        help="forward and backward passes of a training image over the whole training, if you know it",
    )
    _add_files(claim)


def _add_files(claim: argparse.ArgumentParser) -> None:
    """Where a claim is made, and the files that it is written to or read from."""
    claim.add_argument(
        "--device",
        choices=["cpu", "cuda"],
        help="where to attack (default: that of the parameters)",
    )
    claim.add_argument(
        "--out", type=Path, metavar="FILE", help="the claim (default: NAME-DATASET-irRATIO.json)"
    )
    claim.add_argument(
        "--check",
        type=Path,
        metavar="FILE",
        help="check a claim instead, and refuse what contradicts itself",
    )


def _add_leaderboard(commands: Commands) -> None:
    board = commands.add(
        "leaderboard",
        "check all claims in a folder, and write them beside the saved studies as Markdown, CSV and a page",
        leaderboard,
        study=False,
    )
    board.set_defaults(params=None)
    board.add_argument("folder", type=Path, metavar="FOLDER", help="with claims, FILE.json each")
    board.add_argument(
        "--out",
        type=Path,
        metavar="FOLDER",
        help="where leaderboard.* go (default: the same folder)",
    )


def run(options: argparse.Namespace) -> None:
    if options.check is not None:
        check(options)
        return
    for name in ("model", "dataset", "imbalance_ratio"):
        if getattr(options, name) is None:
            flag = "--" + name.replace("_", "-")
            options.refuse(
                f"{flag} is missing; a claim needs --model, --dataset and --ir, or --check FILE"
            )
    make(options)


def make(options: argparse.Namespace) -> None:
    # Imported here, since they bring torch, which checking a command line does not need.
    from taet.claims import claim
    from taet.claims.images import check_untouched
    from taet.claims.make import make_claim

    ratio, passes = _ratio(options.imbalance_ratio), _passes(options)
    name = claim.checked_name(options.name or Path(options.model).name[:LONGEST_NAME])
    out = options.out or Path(_file_name(name, options.dataset, ratio))
    check_writable(out.parent)  # before the work of hours
    lists = _lists(options)
    seed = lists.params.claim.seed
    known = trained_seed(options.model)
    images = lists.of(options.dataset, ratio)
    check_untouched(images, None if known is None else int(known), seed)
    model = _model(options, ratio, lists)
    try:
        contents = make_claim(
            model, options.dataset, ratio, name, lists, passes=passes, device=options.device
        )
    except ArgumentError as error:
        raise UserError(f"--{error}") from None
    claim.write(out, contents)
    print(f"wrote {out}: {_headline(contents)}")


def check(options: argparse.Namespace) -> None:
    from taet.claims.check import checked

    claim = checked(options.check, _lists(options))
    print(f"{options.check}: {_headline(claim.model_dump())}; bits, numbers and images agree")


def leaderboard(options: argparse.Namespace) -> None:
    from taet.claims.leaderboard import write

    out = options.out or options.folder
    files, problems = write(options.folder, out, _lists(options), _file_of_studies(options))
    print(f"wrote {', '.join(map(str, files))}")
    if problems:
        raise UserError("\n".join(problems))


def _lists(options: argparse.Namespace) -> "ImageLists":
    """Test images by the parameters of this folder, or by the package's own with data sets in the cache."""
    from taet.api.parameters import common_of_data_set
    from taet.claims.images import ImageLists

    params, cache, folders = common_of_data_set(options.params, None)
    return ImageLists(params, folders, cache)


def _model(options: argparse.Namespace, ratio: float | str, lists: "ImageLists") -> "nn.Module":
    """A network of a study by its name, or what ``evaluate`` takes."""
    from taet.api.named_networks import load_by_name

    if SAVED.fullmatch(options.model) and options.architecture is None:
        return load_by_name(options.model, ratio, lists.params.claim.seed, None)
    return load_model(options, lists.params.architectures)


def _ratio(text: str) -> float | str:
    try:
        ratio: float | str = imbalance_ratio(text)
    except ValueError as error:
        raise UserError(f"--imbalance-ratio {text}: {error}") from None
    return ratio


def _passes(options: argparse.Namespace) -> float | None:
    """The cost: as given or, of a network of a study by its name, that of its method."""
    if options.passes is not None:
        try:
            number = float(parse_number(options.passes))
        except ValueError as error:
            raise UserError(f"--passes {options.passes}: {error}") from None
        if not number > 0:
            raise UserError(f"--passes {options.passes}: must be above 0")
        return number
    if not (named := SAVED.fullmatch(options.model)):
        return None
    params = load_params(_file_of_studies(options), named[1])
    return training_passes(params, named[2]) if named[2] in params.methods else None


def _file_of_studies(options: argparse.Namespace) -> Path:
    """The parameter file that has the studies; the package's own in any other folder."""
    from taet.api.parameters import OWN_PARAMETERS

    return Path(options.params or (PARAMS_FILE if PARAMS_FILE.is_file() else OWN_PARAMETERS))


def _file_name(name: str, dataset: str, ratio: float | str) -> str:
    plain = re.sub(r"[^\w.-]+", "-", name).strip("-.").lower() or "claim"
    return f"{plain}-{dataset}-ir{imbalance_ratio_label(ratio)}.json"


def _headline(contents: dict[str, Any]) -> str:
    """The number that leaderboards sort by."""
    numbers = contents["numbers"]["balanced"][WORST]
    value, low, high = (100 * numbers["balanced_accuracy"][key] for key in ("value", "low", "high"))
    return (
        f"balanced robustness {value:.1f}% [{low:.1f}, {high:.1f}] in the worst case "
        f"(n = {numbers['images']} images)"
    )

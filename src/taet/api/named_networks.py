"""Trained networks by name: those that are saved in git, and those of runs of a study."""

import os
import re
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from torch import nn

from taet.api import arguments
from taet.axes import NETWORK, name_parts
from taet.errors import ArgumentError, UserError, shortened, suggest
from taet.networks.network import LAST, load_model
from taet.study.params.blocks import imbalance_ratio, imbalance_ratio_label
from taet.study.plan.saved import NETWORKS, REFERENCE, check_networks, read_records

VARIABLE = "TAET_RESULTS"
NAME = re.compile(r"(\w+)/(\w+)")
# Values of the axes, and paths below the folder of a study; names of saved networks have hyphens for slashes.
VALUES = dict.fromkeys(NETWORK, r"(\w+)") | {"imbalance_ratio": r"([\w.]+)", "seed": r"(\d+)"}
PATH = re.compile("[/-]".join(name_parts(VALUES)) + r"\.safetensors")


class _Axes(NamedTuple):
    """Which network of a study it is; as texts, but for the seed."""

    dataset: str
    imbalance_ratio: str
    architecture: str
    method: str
    seed: int


def load_by_name(name: Any, ir: Any, seed: Any, results: Any) -> nn.Module:
    """See ``taet.api.functions.load``."""
    study, method = _study_and_method(name)
    ratio, seed = _ratio_label(ir), arguments.whole_number("seed", seed)
    folder = _results_folder(results)
    # A saved network comes before that of a run.
    networks = _of_run(folder / study / "equalize") | _saved(folder / REFERENCE.name / study)
    fitting = {
        axes: path
        for axes, path in networks.items()
        if (axes.method, axes.seed) == (method, seed) and ratio in (None, axes.imbalance_ratio)
    }
    if not fitting:
        wanted = f"{study}/{method}, {f'ir {ratio}, ' if ratio else ''}seed {seed}"
        raise _missing(wanted, folder, study, networks)
    if len({axes.imbalance_ratio for axes in fitting}) > 1:
        ratios = ", ".join(dict.fromkeys(axes.imbalance_ratio for axes in fitting))
        raise ArgumentError(f"ir: {name} has networks of the imbalance ratios {ratios}; name one")
    if len(fitting) > 1:
        paths = ", ".join(map(str, fitting.values()))
        raise ArgumentError(f"name: {name!r} fits {paths}; load one with taet.load_model(PATH)")
    (path,) = fitting.values()
    return load_model(path, checkpoint=LAST)


def _study_and_method(name: Any) -> tuple[str, str]:
    match = NAME.fullmatch(name) if isinstance(name, str) else None
    if match is None:
        raise ArgumentError(
            f"name: {shortened(repr(name))}; must be STUDY/METHOD, such as digits/taet; a file is loaded "
            "with taet.load_model"
        )
    return match[1], match[2]


def _ratio_label(ir: Any) -> str | None:
    """An imbalance ratio as in paths; None for any."""
    if ir is None:
        return None
    try:
        return imbalance_ratio_label(imbalance_ratio(arguments.plain(ir)))
    except ValueError as error:
        raise ArgumentError(f"ir: {error}, got {shortened(repr(ir))}") from None


def _results_folder(given: Any) -> Path:
    """The given folder, or ``TAET_RESULTS``, or ``results`` in the working folder."""
    folder = None if given is None else arguments.path("results", given, "a folder")
    return Path(folder or os.environ.get(VARIABLE) or REFERENCE.parent).expanduser()


def _of_run(folder: Path) -> dict[_Axes, Path]:
    """Networks that a run of a study has trained, or that ``dvc pull`` has brought."""
    return _by_axes(folder, folder.glob("*/*/*/*/*"))


def _saved(folder: Path) -> dict[_Axes, Path]:
    """Saved networks of a study, compared with their manifest and records."""
    if not (folder / NETWORKS).exists():
        return {}
    return _by_axes(folder / NETWORKS, check_networks(folder, read_records(folder)))


def _by_axes(folder: Path, files: Iterable[Path]) -> dict[_Axes, Path]:
    networks = {}
    for path in sorted(files):
        if match := PATH.fullmatch(path.relative_to(folder).as_posix()):
            *names, seed = match.groups()
            networks[_Axes(*names, int(seed))] = path
    return networks


def _missing(wanted: str, folder: Path, study: str, networks: Collection[_Axes]) -> UserError:
    """The error for a network that is neither saved nor trained: which are, and how to get others."""
    if not networks:
        pattern = f"{REFERENCE.name}/*/{NETWORKS}"
        known = sorted({path.parent.name for path in folder.glob(pattern)})
        what = f"no networks of study {study!r} in {folder}"
        if not known:
            return UserError(
                f"{wanted}: no networks in {folder}; name the folder 'results' of a checkout of taet: "
                f"results=..., or {VARIABLE}"
            )
        return UserError(f"{wanted}: {what}{suggest(study, known)}; {_others(study)}")
    methods, ratios, seeds = (
        ", ".join(dict.fromkeys(str(getattr(axes, axis)) for axes in networks))
        for axis in ("method", "imbalance_ratio", "seed")
    )
    return UserError(
        f"{wanted}: not in {folder}, which has of {study}: {methods} (ir {ratios}; seed {seeds}); "
        f"{_others(study)}"
    )


def _others(study: str) -> str:
    return (
        "get others with dvc pull from a remote that you set (docs/share_results.md), or train them: "
        f"snakemake --cores 4 all --config study={study}"
    )

"""The axes of a study, by the names that they have in cells, keys, columns and paths."""

from collections.abc import Iterable, Mapping
from typing import Any

SETTING = ("dataset", "imbalance_ratio", "architecture")  # what methods are compared in
METHOD_IN_SETTING = (*SETTING, "method")  # a row of a table, over all seeds
NETWORK = (*METHOD_IN_SETTING, "seed")  # one trained network
MODEL = (*NETWORK, "checkpoint")  # its weights that are attacked
SPLIT = ("dataset", "imbalance_ratio", "seed")  # which images are trained and tested on

PREFIXES = {"imbalance_ratio": "ir", "seed": "seed"}  # of numbers, which would say nothing alone


def name_parts(cell: Mapping[str, Any]) -> list[str]:
    """Values of axes as names of files, folders and jobs have them: ``digits``, ``ir10``, ``seed0``."""
    return [f"{PREFIXES.get(axis, '')}{value}" for axis, value in cell.items()]


def setting_path(setting: Iterable[Any]) -> str:
    """Path of a setting: ``digits/ir10/small_cnn``."""
    return "/".join(name_parts(dict(zip(SETTING, setting, strict=True))))


def job_title(stage: str, cell: Mapping[str, Any]) -> str:
    """A job for people: ``equalize digits ir10 small_cnn taet seed0``."""
    return " ".join([stage, *name_parts(cell)])


def path_pattern(axes: Iterable[str]) -> str:
    """Path of a cell below the folder of its stage, without suffix, with the axes in braces."""
    return "/".join(name_parts({axis: f"{{{axis}}}" for axis in axes}))

"""Options for the axes of a study: the same in every command that takes the axis."""

import argparse
from typing import Any, NamedTuple

from taet.study.plan.job import option


class Axis(NamedTuple):
    """What the command line says of an axis, and the short form of its option, if it has one."""

    help: str
    short: str | None = None


AXES = {
    "dataset": Axis("data set, a name under 'datasets' in the parameters"),
    "imbalance_ratio": Axis(
        "imbalance ratio n_max / n_min, a number of at least 1, or: natural", "--ir"
    ),
    "architecture": Axis("network, a name under 'architectures'", "--arch"),
    "stabilization": Axis("a stage 1, by its name under 'stabilizations'"),
    "method": Axis("training method, a name under 'methods'"),
    "seed": Axis("seed of split, weights, batch order and noise"),
    "checkpoint": Axis("weights of a training: last, or best on the validation images"),
    "job": Axis("group of attacks: the 'job' of blocks under 'attacks'"),
}


def add_axis(sub: argparse.ArgumentParser, axis: str, **changes: Any) -> None:
    """Let a command take an axis.

    Args:
        changes: arguments of argparse that differ in this command.
    """
    about = AXES[axis]
    options = [option(axis)] if about.short is None else [option(axis), about.short]
    usual = {"dest": axis, "required": True, "metavar": "VALUE", "help": about.help}
    sub.add_argument(*options, **{**usual, **changes})

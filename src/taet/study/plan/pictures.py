"""The figures of a study: for each setting those that its methods and imbalance ratios allow.

Each file of ``report/figures`` states in ``NEEDS`` what its figure needs, see ``Needs``; nothing means that
every setting has it.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from taet.axes import SETTING
from taet.study.params import plugins
from taet.study.params.blocks import NATURAL, Params, ir_label
from taet.study.plan.variants import sweep, variants

FOLDER = "report.figures"
Pictures = Iterator[tuple[str, dict[str, Any]]]


@dataclass(frozen=True)
class Needs:
    """What a study must have for a figure.

    Attributes:
        methods: so many methods; with ``sweep``, so many that differ in nothing else.
        ratios: so many imbalance ratios, which one figure shows; 0: each ratio has a figure.
        validation: whether every method is validated while it is trained.
        sweep: names of options (see ``variants``); each kind of method that has variants in all of them and
            in nothing else has a figure.
    """

    methods: int = 1
    ratios: int = 0
    validation: bool = False
    sweep: Sequence[str] = ()


def needs_of(figure: str) -> Needs:
    """What a file of ``report/figures`` states."""
    return Needs(**plugins.constant(FOLDER, figure, "NEEDS", {}))


def pictures(params: Params) -> dict[str, dict[str, Any]]:
    """By file name: the module in ``report/figures`` that draws it, as ``figure``, and its arguments."""
    return {
        "_".join([name, *_parts(setting)]): {"figure": figure, **arguments, **setting}
        for figure in plugins.names(FOLDER)
        for name, arguments in _of_figure(params, figure, needs_of(figure))
        for setting in _settings(params, of_all_ratios="ratios" in arguments)
    }


def _of_figure(params: Params, figure: str, needs: Needs) -> Pictures:
    """What each setting has of a figure: names, and arguments besides the setting."""
    if needs.sweep:
        yield from _sweeps(params, figure, needs)
    elif needs.ratios:
        ratios = [ir_label(ratio) for ratio in params.grid.imbalance_ratios if ratio != NATURAL]
        if len(ratios) >= needs.ratios:
            yield figure, {"ratios": ratios}
    elif len(params.grid.methods) >= needs.methods and (
        not needs.validation
        or all(params.methods[name].training.validation for name in params.grid.methods)
    ):
        yield figure, {}


def _sweeps(params: Params, figure: str, needs: Needs) -> Pictures:
    for kind, methods in variants(params).items():
        members = sweep(methods, needs.sweep)
        if len(members) >= needs.methods:
            yield (
                f"{figure}_{kind}",
                {"kind": kind, "methods": members, "options": list(needs.sweep)},
            )


def _settings(params: Params, of_all_ratios: bool) -> Iterator[dict[str, str]]:
    """Every combination of data set, imbalance ratio (unless of all) and architecture."""
    grid = params.grid
    values = {
        "dataset": grid.datasets,
        "imbalance_ratio": [ir_label(ratio) for ratio in grid.imbalance_ratios],
        "architecture": grid.architectures,
    }
    axes = [axis for axis in SETTING if not (of_all_ratios and axis == "imbalance_ratio")]
    for combination in itertools.product(*(values[axis] for axis in axes)):
        yield dict(zip(axes, combination, strict=True))


def _parts(setting: dict[str, str]) -> list[str]:
    return [f"ir{value}" if axis == "imbalance_ratio" else value for axis, value in setting.items()]

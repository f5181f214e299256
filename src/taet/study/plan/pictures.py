"""The figures of a study: for each setting those that its methods and imbalance ratios allow.

Each file of ``report/figures`` states in ``REQUIRES`` what a study must have for its figure (see
``Requirements``); without it, every setting has the figure.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from taet.axes import SETTING, name_parts
from taet.study.params import plugins
from taet.study.params.blocks import NATURAL, Params, imbalance_ratio_label
from taet.study.plan.variants import largest_group, variants

FOLDER = "report.figures"
Pictures = Iterator[tuple[str, dict[str, Any]]]


@dataclass(frozen=True)
class Requirements:
    """What a study must have for a figure.

    Attributes:
        methods: so many methods; with ``varying``, so many that differ in nothing else.
        ratios: so many imbalance ratios, which one figure shows; 0: each ratio has a figure.
        validation: whether every method is validated while it is trained.
        varying: names of options (see ``variants``); each kind of method that has variants in all of them and
            in nothing else has a figure.
    """

    methods: int = 1
    ratios: int = 0
    validation: bool = False
    varying: Sequence[str] = ()


def requirements_of(figure: str) -> Requirements:
    """What a file of ``report/figures`` states."""
    return Requirements(**plugins.constant(FOLDER, figure, "REQUIRES", {}))


def pictures(params: Params) -> dict[str, dict[str, Any]]:
    """By file name: the module in ``report/figures`` that draws it, as ``figure``, and its arguments."""
    return {
        "_".join([name, *name_parts(setting)]): {"figure": figure, **arguments, **setting}
        for figure in plugins.names(FOLDER)
        for name, arguments in _of_figure(params, figure, requirements_of(figure))
        for setting in _settings(params, of_all_ratios="ratios" in arguments)
    }


def _of_figure(params: Params, figure: str, required: Requirements) -> Pictures:
    """What each setting has of a figure: names, and arguments besides the setting."""
    if required.varying:
        yield from _variations(params, figure, required)
    elif required.ratios:
        ratios = [
            imbalance_ratio_label(ratio)
            for ratio in params.grid.imbalance_ratios
            if ratio != NATURAL
        ]
        if len(ratios) >= required.ratios:
            yield figure, {"ratios": ratios}
    elif len(params.grid.methods) >= required.methods and (
        not required.validation
        or all(params.methods[name].training.validation for name in params.grid.methods)
    ):
        yield figure, {}


def _variations(params: Params, figure: str, required: Requirements) -> Pictures:
    for kind, methods in variants(params).items():
        members = largest_group(methods, required.varying)
        if len(members) >= required.methods:
            yield (
                f"{figure}_{kind}",
                {"kind": kind, "methods": members, "options": list(required.varying)},
            )


def _settings(params: Params, of_all_ratios: bool) -> Iterator[dict[str, str]]:
    """Every combination of data set, imbalance ratio (unless of all) and architecture."""
    grid = params.grid
    values = {
        "dataset": grid.datasets,
        "imbalance_ratio": [imbalance_ratio_label(ratio) for ratio in grid.imbalance_ratios],
        "architecture": grid.architectures,
    }
    axes = [axis for axis in SETTING if not (of_all_ratios and axis == "imbalance_ratio")]
    for combination in itertools.product(*(values[axis] for axis in axes)):
        yield dict(zip(axes, combination, strict=True))

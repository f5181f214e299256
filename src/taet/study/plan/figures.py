"""The figures of a study: for each setting those that its methods and imbalance ratios allow.

Each file of ``report/figures`` states in ``REQUIRES`` what a study must have for its figure (see
``Requirements``); without it, every setting has the figure.
"""

import itertools
from collections.abc import Iterator
from typing import Any

from pydantic import Field, ValidationError

from taet.axes import SETTING, name_parts
from taet.errors import UserError
from taet.study.params import plugins
from taet.study.params.blocks import NATURAL, Params, imbalance_ratio_label
from taet.study.plan.variants import largest_group, variants
from taet.values import Count, Options, Whole

FOLDER = "report.figures"
Named = Iterator[tuple[str, dict[str, Any]]]


class Requirements(Options):
    """What a study must have for a figure."""

    methods: Count = 1
    """So many methods; with ``varying``, so many that differ in nothing else."""
    ratios: Whole = 0
    """So many imbalance ratios, which one figure shows; 0: each ratio has a figure."""
    validation: bool = False
    """Whether every method must be validated while it is trained."""
    varying: list[str] = Field(default_factory=list)
    """Names of options (see ``variants``); each kind of method that has variants in all of them and in
    nothing else has a figure."""


def requirements_of(figure: str) -> Requirements:
    """What a file of ``report/figures`` states.

    Raises:
        UserError: it states something else than ``Requirements`` has, or of another type.
    """
    stated = plugins.constant(FOLDER, figure, "REQUIRES", {})
    try:
        return Requirements.model_validate(stated)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(["REQUIRES", *map(str, first["loc"])])
        known = ", ".join(Requirements.model_fields)
        raise UserError(
            f"report/figures/{figure}.py: {where}: {first['msg'].lower()}; REQUIRES is a dict with any of: "
            f"{known}"
        ) from None


def figures_of(params: Params) -> dict[str, dict[str, Any]]:
    """By file name: the module in ``report/figures`` that draws it, as ``figure``, and its arguments."""
    return {
        "_".join([name, *name_parts(setting)]): {"figure": figure, **arguments, **setting}
        for figure in plugins.names(FOLDER)
        for name, arguments in _of_figure(params, figure, requirements_of(figure))
        for setting in _settings(params, of_all_ratios="ratios" in arguments)
    }


def _of_figure(params: Params, figure: str, required: Requirements) -> Named:
    """What each setting has of a figure: names, and arguments besides the setting."""
    methods = params.grid.methods
    if required.validation and not all(
        params.methods[name].training.validation for name in methods
    ):
        return
    if required.varying:
        yield from _variations(params, figure, required)
    elif len(methods) >= required.methods:
        ratios = [imbalance_ratio_label(r) for r in params.grid.imbalance_ratios if r != NATURAL]
        if not required.ratios:
            yield figure, {}
        elif len(ratios) >= required.ratios:
            yield figure, {"ratios": ratios}


def _variations(params: Params, figure: str, required: Requirements) -> Named:
    for kind, methods in variants(params).items():
        members = largest_group(methods, required.varying)
        if len(members) >= required.methods:
            yield (
                f"{figure}_{kind}",
                {"kind": kind, "methods": members, "options": required.varying},
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

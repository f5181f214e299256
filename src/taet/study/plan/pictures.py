"""The figures of a study: for each setting those that its methods and imbalance ratios allow."""

import itertools
from collections.abc import Iterator
from typing import Any

from taet.axes import SETTING
from taet.study.params.blocks import NATURAL, Params, ir_label
from taet.study.plan.variants import STAGE1_EPOCHS, sweep, variants


def pictures(params: Params) -> dict[str, dict[str, Any]]:
    """By file name: the module in ``report/figures`` that draws it, as ``figure``, and its arguments."""
    settings = list(_settings(params))
    drawn = {
        f"{name}_{setting['dataset']}_ir{setting['imbalance_ratio']}_{setting['architecture']}": {
            **arguments,
            **setting,
        }
        for setting in settings
        for name, arguments in _of_each_setting(params)
    }
    ratios = [ir_label(ratio) for ratio in params.grid.imbalance_ratios if ratio != NATURAL]
    if len(ratios) > 1:
        for setting in settings:
            axes = {axis: setting[axis] for axis in ("dataset", "architecture")}
            name = "_".join(["imbalance", *axes.values()])
            drawn[name] = {"figure": "imbalance", "ratios": ratios, **axes}
    return drawn


def _settings(params: Params) -> Iterator[dict[str, str]]:
    """Every combination of data set, imbalance ratio and architecture."""
    grid = params.grid
    ratios = [ir_label(ratio) for ratio in grid.imbalance_ratios]
    for values in itertools.product(grid.datasets, ratios, grid.architectures):
        yield dict(zip(SETTING, values, strict=True))


def families(params: Params) -> dict[str, tuple[str, int]]:
    """Of each method its kind, and its number among the variants of that: 0 is the preset of the kind's name.

    Numbers count all methods of the parameters, not those of the grid: they are the same in every study.
    """
    numbers: dict[str, itertools.count[int]] = {}
    known = {}
    for name, options in params.methods.items():
        variants_of_kind = numbers.setdefault(options.kind, itertools.count(1))
        known[name] = options.kind, 0 if name == options.kind else next(variants_of_kind)
    return {name: known[name] for name in params.grid.methods}


def _of_each_setting(params: Params) -> Iterator[tuple[str, dict[str, Any]]]:
    """The figures of each setting: a name, the module that draws the figure, and its other arguments."""
    several = ("forest", "ba_br", "efficiency") if len(params.grid.methods) > 1 else ()
    for figure in (*several, "per_class", "confusion", "features", "examples"):
        yield figure, {"figure": figure}
    if all(params.methods[name].training.validation for name in params.grid.methods):
        yield "learning", {"figure": "learning"}
    for kind, methods in variants(params).items():
        for figure, options, least in (
            ("stage1_length", [STAGE1_EPOCHS], 3),
            ("loss_weights", ["alpha", "beta", "gamma"], 4),
        ):
            members = sweep(methods, options)
            if len(members) >= least:
                about = {"kind": kind, "methods": members, "options": options}
                yield f"{figure}_{kind}", {"figure": figure, **about}

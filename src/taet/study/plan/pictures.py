"""Which pictures a study has: of each place those that its methods and ratios allow."""

import itertools
from collections.abc import Iterator
from typing import Any

from taet.study.params.blocks import Params, ir_label
from taet.study.plan.variants import STAGE1_EPOCHS, sweep, variants


def pictures(params: Params) -> dict[str, dict[str, Any]]:
    """By file name: the file in ``report/figures`` that draws it, as ``figure``, and what it is about."""
    places = list(_places(params))
    drawn = {
        f"{name}_{place['dataset']}_ir{place['imbalance_ratio']}_{place['architecture']}": {
            **about,
            **place,
        }
        for place in places
        for name, about in _of_place(params)
    }
    ratios = [ir_label(ratio) for ratio in params.grid.imbalance_ratios if ratio != "natural"]
    if len(ratios) > 1:
        for place in places:
            where = {axis: place[axis] for axis in ("dataset", "architecture")}
            name = "_".join(["imbalance", *where.values()])
            drawn[name] = {"figure": "imbalance", "ratios": ratios, **where}
    return drawn


def _places(params: Params) -> Iterator[dict[str, str]]:
    """Data set, imbalance ratio and architecture: what a picture is about."""
    grid = params.grid
    ratios = [ir_label(ratio) for ratio in grid.imbalance_ratios]
    for dataset, ratio, architecture in itertools.product(
        grid.datasets, ratios, grid.architectures
    ):
        yield {"dataset": dataset, "imbalance_ratio": ratio, "architecture": architecture}


def _of_place(params: Params) -> Iterator[tuple[str, dict[str, Any]]]:
    """What is drawn for each place: a name, the file that draws it, and what that must know."""
    several = ("ba_br", "efficiency") if len(params.grid.methods) > 1 else ()
    for figure in ("per_class", *several, "confusion", "features", "examples"):
        yield figure, {"figure": figure}
    if all(params.methods[name].training.validation for name in params.grid.methods):
        yield "learning", {"figure": "learning"}
    for kind, methods in variants(params).items():
        for figure, members, least in (
            ("variants", list(methods), 3),
            ("stage1_length", sweep(methods, (STAGE1_EPOCHS,)), 3),
            ("loss_weights", sweep(methods, ("alpha", "beta", "gamma")), 4),
        ):
            if len(members) >= least:
                yield f"{figure}_{kind}", {"figure": figure, "kind": kind, "methods": members}

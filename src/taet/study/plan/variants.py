"""Variants: methods of a study that are of one kind and differ in options, as in an ablation."""

import itertools
from collections.abc import Sequence
from typing import Any

from taet.study.params.blocks import Params
from taet.study.params.resolved import leaves
from taet.study.params.yamlfile import dotted

STABILIZATION, STABILIZATION_EPOCHS = "stabilization", "stabilization epochs"


def variants(params: Params) -> dict[str, dict[str, dict[str, Any]]]:
    """Kind of method -> method -> the options in which the kind's methods differ.

    Methods are in the order of the grid; kinds with one method are left out. Options have dotted names and
    plain values, None where a method does not have the option. Of stage 1 there are its method's name and its
    epochs.
    """
    by_kind: dict[str, dict[str, dict[str, Any]]] = {}
    for name in params.grid.methods:
        by_kind.setdefault(params.methods[name].kind, {})[name] = _options(params, name)
    return {kind: _differences(methods) for kind, methods in by_kind.items() if len(methods) > 1}


def _options(params: Params, name: str) -> dict[str, Any]:
    method = params.methods[name]
    stabilization = method.stabilization and params.stabilizations[method.stabilization]
    options = method.model_dump(exclude={"kind", "label", "stabilization", "training"})
    training = method.training.model_dump()
    return {
        STABILIZATION: stabilization.method if stabilization else None,
        STABILIZATION_EPOCHS: stabilization.epochs if stabilization else 0,
        **{dotted(path): value for path, value in leaves(options)},
        **{dotted(path): value for path, value in leaves({"training": training})},
    }


def _differences(methods: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    names = dict.fromkeys(name for options in methods.values() for name in options)
    differ = [
        name for name in names if len({repr(options.get(name)) for options in methods.values()}) > 1
    ]
    return {
        method: {name: options.get(name) for name in differ} for method, options in methods.items()
    }


def largest_group(methods: dict[str, dict[str, Any]], over: Sequence[str]) -> list[str]:
    """The largest group of methods that are equal in every option outside ``over``.

    It is empty if all methods agree in one of these options. A method without stage 1 counts as one with a
    stage 1 of no epochs, made with any method.

    Args:
        methods: the options of a kind's methods, see ``variants``.
        over: names of the options that may differ.
    """
    names = set(next(iter(methods.values())))
    if not names >= set(over):
        return []
    fixed = names - set(over)

    def alike(one: dict[str, Any], other: dict[str, Any]) -> bool:
        return all(
            one[name] == other[name] or (name == STABILIZATION and one[name] is None)
            for name in fixed
        )

    largest: list[str] = []
    for anchor in methods.values():
        if STABILIZATION in fixed and anchor[STABILIZATION] is None:
            continue
        members = [name for name, options in methods.items() if alike(options, anchor)]
        largest = max(largest, members, key=len)
    return largest


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

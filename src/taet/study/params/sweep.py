"""A study's ``sweep``: values of options, unfolded into methods of the study.

``sweep: {taet: {alpha: [0.1, 1], gamma: [0, 1]}}`` gives four blocks under ``methods`` that extend ``taet``,
such as ``taet_alpha_0_1_gamma_0`` with the label "TAET (alpha 0.1, gamma 0)", and puts their names at the end
of ``grid.methods``. What reads the parameters afterwards takes them for blocks that are written out.
"""

import itertools
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from taet.errors import UserError, shortened, suggest
from taet.study.params.resolved import ResolvedValues
from taet.study.params.yamlfile import KeyPath
from taet.values import LONGEST_NAME

SWEEP = "sweep"
FORM = "{taet: {alpha: [0.1, 1]}}"
Option = tuple[str, ...]  # keys inside a method's block, such as ("training", "epochs")
Point = dict[
    Option, tuple[int, Any]
]  # one combination: of each option the position in its list, and the value


def unfolded(resolved: ResolvedValues) -> ResolvedValues:
    """The values with the methods of its sweep instead of the sweep.

    Raises:
        UserError: the sweep is not of the form above, or would give a name that cannot be given.
    """
    values, origins = dict(resolved.values), dict(resolved.origins)
    sweep = values.pop(SWEEP, None)
    methods = values.get("methods")
    if sweep is None or not isinstance(methods, dict):
        return replace(resolved, values=values)
    if not isinstance(sweep, dict):
        raise UserError(f"{resolved.locate((SWEEP,))}: must be a mapping, such as {FORM}")
    methods, made = dict(methods), []
    for method in (name for name, options in sweep.items() if options is not None):
        if method not in methods:
            hint = suggest(method, methods)
            raise UserError(f"{resolved.locate((SWEEP, method))}: no method {method!r}{hint}")
        for point in _points(resolved, method):
            name = _name(method, point)
            if name in methods or len(name) > LONGEST_NAME:
                problem = "is taken" if name in methods else f"has over {LONGEST_NAME} characters"
                where = resolved.locate((SWEEP, method))
                raise UserError(
                    f"{where}: the name {name!r} {problem}; write this block below methods"
                )
            methods[name] = _block(method, methods[method], point)
            origins |= _origins(resolved, method, name, point)
            made.append(name)
    values["methods"] = methods
    grid = values.get("grid")
    if isinstance(grid, dict) and isinstance(grid.get("methods"), list):
        values["grid"] = grid | {"methods": [*grid["methods"], *made]}
        first = len(grid["methods"])
        for i, name in enumerate(made, first):
            origins["grid", "methods", i] = origins["methods", name]
    return replace(resolved, values=values, origins=origins)


def _points(resolved: ResolvedValues, method: str) -> Iterator[Point]:
    """Every combination of a method's values, in the order of the file."""
    axes = dict(_axes(resolved, (SWEEP, method), resolved.values[SWEEP][method]))
    for chosen in itertools.product(*(enumerate(axis) for axis in axes.values())):
        yield dict(zip(axes, chosen, strict=True))


def _axes(
    resolved: ResolvedValues, path: KeyPath, block: Any
) -> Iterator[tuple[Option, list[Any]]]:
    """The options in a block of the sweep, each with its list of values."""
    if not isinstance(block, (dict, list)) or not block:
        raise UserError(f"{resolved.locate(path)}: must be a list of values, as in {FORM}")
    if isinstance(block, list):
        for i, value in enumerate(block):
            if isinstance(value, (dict, list)):
                where, got = resolved.locate((*path, i)), shortened(repr(value))
                raise UserError(
                    f"{where}: must be one number, text, true, false or null, got {got}"
                )
        if len(path) <= 2:
            raise UserError(f"{resolved.locate(path)}: must be a mapping, as in {FORM}")
        yield tuple(map(str, path[2:])), block
        return
    for key, values in block.items():
        yield from _axes(resolved, (*path, key), values)


def _words(point: Point) -> list[tuple[str, str]]:
    """Each option and its value as text; of an option the last key, where that is clear."""
    last = Counter(option[-1] for option in point)
    return [
        (option[-1] if last[option[-1]] == 1 else "_".join(option), _text(value))
        for option, (_, value) in point.items()
    ]


def _text(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value).removesuffix(".0") if isinstance(value, float) else str(value)


def _name(method: str, point: Point) -> str:
    """``taet_alpha_0_1``; where it is too long, with an option's initials, as ``wd`` of ``weight_decay``."""
    words = [(option, re.sub("^-", "minus_", text)) for option, text in _words(point)]
    short = [("".join(word[0] for word in option.split("_")), text) for option, text in words]
    long, brief = (
        "_".join(
            [method, *(re.sub("[^a-z0-9]+", "_", part.lower()) for pair in pairs for part in pair)]
        )
        for pairs in (words, short)
    )
    return long if len(long) <= LONGEST_NAME else brief


def _block(method: str, base: Any, point: Point) -> dict[str, Any]:
    words = ", ".join(f"{option} {text}" for option, text in _words(point)).replace("_", " ")
    label = str(base.get("label", method) if isinstance(base, dict) else method)
    label = f"{label[:-1]}, {words})" if label.endswith(")") else f"{label} ({words})"
    made: dict[str, Any] = {"extends": method, "label": label}
    for option, (_, value) in point.items():
        block = made
        for key in option[:-1]:
            block = block.setdefault(key, {})
        block[option[-1]] = value
    return made


def _origins(resolved: ResolvedValues, method: str, name: str, point: Point) -> dict[KeyPath, Any]:
    """Where the values of a method were written: in the sweep."""
    path: KeyPath = ("methods", name)
    whole = resolved.origins[SWEEP, method]
    origins: dict[KeyPath, Any] = dict.fromkeys((path, (*path, "extends"), (*path, "label")), whole)
    for option, (i, _) in point.items():
        for depth in range(1, len(option)):
            origins[*path, *option[:depth]] = resolved.origins[SWEEP, method, *option[:depth]]
        origins[*path, *option] = resolved.origins[SWEEP, method, *option, i]
    return origins

"""Arguments of the public functions, checked, and turned from many types into plain numbers and names."""

import math
import operator
from collections.abc import Iterable, Mapping, Sequence, Set
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from taet.adversary.checks import radius_problem
from taet.errors import ArgumentError, UserError, counted, shortened, suggest
from taet.values import parse_number

LIMIT = 2**31  # above all counts, as in the parameters
CLASS_LIMIT = 100_000  # far above any data set's; each class has a row in tables


def whole_number(name: str, value: Any) -> int:
    """A whole number of any type, such as 3, 3.0, or an array with one element.

    Raises:
        ArgumentError: it is no whole number, or one beyond all counts.
    """
    number = plain(value)
    try:
        whole = operator.index(number) if not isinstance(number, bool) else None
    except TypeError:
        try:
            whole = int(number) if not isinstance(number, str) and number == int(number) else None
        except (TypeError, ValueError, OverflowError):  # the last two for NaN and infinity
            whole = None
    if whole is None or abs(whole) >= LIMIT:
        raise ArgumentError(f"{name} {shortened(repr(value))}: must be a whole number below 2^31")
    return whole


def radius(value: Any) -> float:
    """``eps``: a number of any type, or text such as ``8/255``.

    Raises:
        ArgumentError: it is neither, or not between 0 and 1.
    """
    given = plain(value)
    try:
        if isinstance(given, bool):
            raise TypeError
        number = float(parse_number(given))
    except (TypeError, ValueError, OverflowError):
        raise ArgumentError(
            f"eps {shortened(repr(value))}: must be a number or a fraction such as 8/255"
        ) from None
    if problem := radius_problem(number):
        raise ArgumentError(problem)
    return number


def path(name: str, given: Any, what: str = "a file") -> Path:
    """The path of a file or folder.

    Raises:
        ArgumentError: it is no path.
    """
    if not isinstance(given, str | Path):
        kind = type(given).__name__
        raise ArgumentError(f"{name}: a value of the type {kind}; must be the path of {what}")
    return Path(given)


def existing_file(path: Path, hint: str = "") -> None:
    """Check that a file exists.

    Args:
        path: its path.
        hint: the end of the message.

    Raises:
        UserError: there is none, or a folder instead.
    """
    try:
        if path.is_file():
            return
        problem = "is a folder; must be a file" if path.is_dir() else "no such file"
    except OSError as error:  # such as a name that is too long
        problem = f"cannot be read: {error.strerror}"
    raise UserError(f"{path}: {problem}{hint}")


def share(name: str, given: Any) -> float:
    """A number between 0 and 1, of any type.

    Raises:
        ArgumentError: it is none.
    """
    number = plain(given)
    if not isinstance(number, Real) or isinstance(number, bool) or not 0 < number < 1:
        raise ArgumentError(f"{name}: must be above 0 and below 1, got {shortened(repr(number))}")
    return float(number)


def plain(value: Any) -> Any:
    """The number in an array or tensor with one element; any other value as it is."""
    if isinstance(value, Tensor | np.ndarray | np.generic) and math.prod(value.shape) == 1:
        return value.item()
    return value


def train_counts(given: Any, names: Sequence[str]) -> list[int]:
    """Training images of each class, in the order of the classes.

    Mappings and Series are looked up by class, whatever their order. Sequences must be in the order of the
    classes; what has no order, such as a set, is refused.

    Args:
        given: the argument ``train_counts``.
        names: those of the classes.

    Raises:
        ArgumentError: it is of another type, is for other classes, or has a value that is no count.
    """
    allowed = f"must be one for each of {len(names)} classes"
    counts = list(_by_class(given, len(names), allowed))
    if len(counts) != len(names):
        raise ArgumentError(f"train_counts: {counted(len(counts), 'number')}; {allowed}")
    numbers = []
    for c, count in enumerate(counts):
        try:
            number = whole_number("", count)
        except ArgumentError:
            number = -1
        if number < 0:
            raise ArgumentError(
                f"train_counts: {plain(count)!r} for class {c} ({names[c]}); must be a number of images: "
                "whole, at least 0, no share"
            )
        numbers.append(number)
    if not any(numbers):
        raise ArgumentError("train_counts: no class has a training image; leave it out instead")
    return numbers


def _by_class(given: Any, classes: int, allowed: str) -> Iterable[Any]:
    """Values in the order of the classes, not yet checked."""
    if isinstance(given, pd.Series):
        if not given.index.is_unique:
            raise ArgumentError("train_counts: a Series with one class twice; " + allowed)
        given = given.to_dict()
    if isinstance(given, Mapping):
        if missing := [c for c in range(classes) if c not in given]:
            raise ArgumentError(
                f"train_counts: no entry for class {missing[0]}; must have one for each class from 0 to "
                f"{classes - 1}, by number, also where it is 0"
            )
        if other := [key for key in given if key not in range(classes)]:
            raise ArgumentError(
                f"train_counts: an entry for {other[0]!r}; classes are 0 to {classes - 1}"
            )
        return [given[c] for c in range(classes)]
    if isinstance(given, Tensor) and given.layout != torch.strided:
        given = given.to_dense()
    if isinstance(given, Tensor | np.ndarray) and given.ndim == 1:
        return given.tolist()  # type: ignore[no-any-return]
    if isinstance(given, Sequence) and not isinstance(given, str | bytes):
        return given
    raise ArgumentError(
        f"train_counts: a value of the type {type(given).__name__}; must be a list, an array of one "
        "dimension, or a mapping or Series by class"
    )


def whole_numbers(name: str, given: Any) -> Tensor:
    """One whole number for each image, [N] int64 in main memory.

    Raises:
        ArgumentError: numbers of another type or shape, or below 0.
    """
    values = tensor(name, given)
    if values.ndim != 1:
        raise ArgumentError(
            f"{name}: of the shape {tuple(values.shape)}; must be [N], one whole number for each image"
        )
    whole = not (values.is_floating_point() or values.is_complex() or values.dtype == torch.bool)
    if len(values) and not whole:  # NumPy makes an empty list floating-point
        kind = str(values.dtype).removeprefix("torch.")
        raise ArgumentError(f"{name}: of the type {kind}; must be whole numbers from 0")
    numbers = values.to(torch.int64)
    if len(numbers) and numbers.min() < 0:
        raise ArgumentError(f"{name}: {numbers.min()} among them; must be whole numbers from 0")
    return numbers


def class_numbers(name: str, given: Any) -> Tensor:
    """One class for each image, [N] int64 in main memory.

    Raises:
        ArgumentError: as ``whole_numbers``, or a class is beyond all numbers of classes.
    """
    numbers = whole_numbers(name, given)
    if len(numbers) and numbers.max() >= CLASS_LIMIT:
        raise ArgumentError(f"{name}: {numbers.max()} among them; must be below {CLASS_LIMIT:,}")
    return numbers


def tensor(name: str, given: Any) -> Tensor:
    """A copy of an array or tensor in main memory, without a gradient.

    Raises:
        ArgumentError: it has no numbers, or not one after the other.
    """
    if isinstance(given, Tensor):
        if problem := storage_problem(given):
            raise ArgumentError(f"{name}: {problem}")
        return given.detach().to("cpu", copy=True)
    try:
        return torch.from_numpy(np.array(given))
    except (TypeError, ValueError):
        what = "None" if given is None else f"a {type(given).__name__} that is no array of numbers"
        raise ArgumentError(
            f"{name}: {what}; must be a tensor, an array or a list of numbers"
        ) from None


def storage_problem(given: Tensor) -> str | None:
    """Why a tensor's values cannot be read one after the other; None if they can."""
    if given.is_meta:
        return "a tensor on the device meta, which has no values"
    if given.is_quantized:
        return "a quantised tensor; call dequantize()"
    if given.layout != torch.strided or given.is_nested:
        return "a sparse or nested tensor; make it dense, such as by to_dense()"
    return None


def attack_names(given: Any, known: Iterable[str]) -> list[str]:
    """``attacks``: names in the given order; those of a set in the order of the parameters.

    Raises:
        ArgumentError: a name is unknown.
    """
    known = list(known)
    if isinstance(given, str):
        given = [given]
    if not isinstance(given, Iterable):
        raise ArgumentError(
            f"attacks: a value of the type {type(given).__name__}; must be names of attacks"
        )
    names = list(given)
    for name in names:
        one_of("attacks", "attack", name, known)
    return sorted(names, key=known.index) if isinstance(given, Set) else list(dict.fromkeys(names))


def one_of(argument: str, what: str, name: Any, known: Iterable[str]) -> None:
    """Raises ArgumentError for an unknown name."""
    known = list(known)
    if name not in known:
        raise ArgumentError(
            f"{argument}: no {what} {shortened(repr(name))}{suggest(shortened(str(name)), known)}"
        )

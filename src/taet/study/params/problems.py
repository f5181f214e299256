"""Problems with parameters, one line each: where, the value, what is allowed."""

import re
from typing import Any

from pydantic import ValidationError

from taet.errors import shortened, suggest
from taet.options import Options
from taet.study.params.resolved import ResolvedValues
from taet.study.params.yamlfile import KeyPath
from taet.values import LONGEST_NAME

ALTERNATIVES = ("one", "several")  # of ``taet.values.one_or_several``
NAME_RULE = f"lower-case letters, digits and underscores, a letter first, at most {LONGEST_NAME}"
PIXEL_DISTANCES = ("eps", "step_size")  # keys whose values the field often states in levels of 255
DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")


def independent(error: ValidationError, partial: bool = False) -> list[Any]:
    """The errors, without the missing keys where an unknown key, misspelt, may be meant for one of them.

    Args:
        partial: leave out all missing keys.
    """
    errors: list[Any] = [e for e in error.errors() if not (partial and e["type"] == "missing")]
    misspelt = {e["loc"][:-1] for e in errors if e["type"] == "extra_forbidden"}
    return [e for e in errors if not (e["type"] == "missing" and e["loc"][:-1] in misspelt)]


def describe(
    error: Any, resolved: ResolvedValues, values: Any, model: type[Options], prefix: KeyPath = ()
) -> str:
    """One line for one pydantic error.

    Args:
        error: one of ``ValidationError.errors()``.
        resolved: gives the line of each value.
        values: the values that were validated.
        model: the model that they were validated against.
        prefix: path of ``values`` in the parameters.
    """
    loc = error["loc"]
    if loc[-1] == "[key]":  # pydantic's mark for a wrong name in a mapping of names
        return f"{resolved.locate((*prefix, *loc[:-1]))}: no valid name ({NAME_RULE})"
    path, value = path_in_file(loc, values)
    place = (*prefix, *path)
    match error["type"]:
        case "missing":
            where = resolved.locate_missing(place)
        case "union_tag_not_found" | "union_tag_invalid" if isinstance(value, dict):
            where = resolved.locate((*place, "kind"))
        case _:
            where = resolved.locate(place)
    if error["type"] == "extra_forbidden":
        return f"{where}: unknown key{suggest(str(path[-1]), _keys(model, path[:-1]))}"
    return f"{where}: {_broken_rule(error, str(path[-1]) if path else '', value)}"


def _broken_rule(error: Any, key: str, value: Any) -> str:
    """What is wrong with the value of a key, and what is allowed."""
    got = f"got {_written(value)}"
    match error["type"]:
        case "missing":
            return "missing; give it a value, common or in the study"
        case "union_tag_not_found" if isinstance(value, dict):
            return "missing; say which kind it is"
        case "union_tag_invalid":
            return _unknown(value["kind"], error["ctx"]["expected_tags"])
        case "literal_error":
            return _unknown(value, error["ctx"]["expected"])
        case "model_type" | "dict_type" | "model_attributes_type" | "union_tag_not_found":
            return f"must be a mapping, {got}"
        case "too_short":
            return "the list is empty; it needs at least one entry"
        case "string_pattern_mismatch":
            return f"{_written(value)} is no valid name ({NAME_RULE})"
        case "int_type":
            return f"must be an integer in digits, such as 1000, {got}"
        case "float_type":
            return f"must be a number, {got}"
        case "list_type":
            return f"must be a list, such as {_as_list(key, value)}, {got}"
        case "less_than" if key in PIXEL_DISTANCES and isinstance(value, int | float):
            levels = f"{value:g} of 255 levels is written {value:g}/255"
            return f"must be less than 1, since pixels are in [0,1]; {levels}"
    if isinstance(value, str) and DECIMAL_COMMA.fullmatch(value):
        return f"{value!r} is no number; write it with a point, {value.replace(',', '.')}"
    text = error["msg"].removeprefix("Value error, ")
    return f"{text[0].lower()}{text[1:]}, got {_written(error['input'])}"


def _unknown(value: Any, expected: str) -> str:
    """A name that is none of those which pydantic expects, as it lists them."""
    known = expected.replace("'", "").replace(" or ", ", ").split(", ")
    return f"{_written(value)} is unknown{suggest(str(value), known)}"


def _written(value: Any) -> str:
    """A value as in the file where Python has another word, and cut where it is long."""
    return "null" if value is None else shortened(repr(value))


def _as_list(key: str, value: Any) -> str:
    """How a value that is none would be written as a list."""
    if value is None:
        return "[0, 1, 2]" if key == "seeds" else "[first, second]"
    if key == "seeds" and isinstance(value, int) and value > 1:
        return f"[{', '.join(map(str, range(min(value, 3))))}{', ...' if value > 3 else ''}]"
    parts = value.split(",") if isinstance(value, str) else [str(value)]
    return f"[{', '.join(part.strip() for part in parts)}]"


def path_in_file(loc: tuple[str | int, ...], values: Any) -> tuple[KeyPath, Any]:
    """The keys and indices of ``loc`` that are in ``values``, and the value they lead to.

    pydantic adds the name of a union's chosen alternative ("sgd", "several") to the location; the file has no
    such key.
    """
    path: list[str | int] = []
    for part in loc:
        known = isinstance(values, dict) and part in values
        kind = values.get("kind") if isinstance(values, dict) else None
        if not known and (part in ALTERNATIVES or part == kind):
            continue
        path.append(part)
        inside = known or (isinstance(values, list) and isinstance(part, int))
        values = values[part] if inside else None
    return tuple(path), values


def _keys(model: type[Options], path: KeyPath) -> list[str]:
    """Keys that the block at ``path`` inside ``model`` may have."""
    for part in path:
        field = model.model_fields.get(str(part))
        annotation = field.annotation if field else None
        if not (isinstance(annotation, type) and issubclass(annotation, Options)):
            return []
        model = annotation
    return list(model.model_fields)

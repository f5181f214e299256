"""Values over values: mappings merge, anything else replaces."""

from collections.abc import Callable
from typing import Any

from taet.study.params.plugins import FOLDERS
from taet.study.params.resolved import Origin
from taet.study.params.yamlfile import KeyPath


def merge(
    base: Any,
    top: Any,
    path: KeyPath,
    origins: dict[KeyPath, Origin],
    origin_of: Callable[[KeyPath], Origin],
) -> Any:
    """``top`` over ``base``: mappings merge, anything else replaces.

    A mapping that names another ``kind`` replaces too: Adam has no use for SGD's momentum.

    Args:
        base, top: the values at ``path`` in both.
        path: the key's path in the resolved parameters.
        origins: those of ``base``; those of ``top`` are added.
        origin_of: gives the origin of a value of ``top``.
    """
    merges = isinstance(base, dict) and isinstance(top, dict) and _of_one_kind(base, top, path)
    if isinstance(base, (dict, list)) and not merges:
        for stale in [p for p in origins if p[: len(path)] == path]:
            del origins[stale]
    origins[path] = origin_of(path)
    if not isinstance(top, dict):
        for i, _ in enumerate(top if isinstance(top, list) else ()):
            origins[*path, i] = origin_of((*path, i))
        return top
    result = dict(base) if merges else {}
    for key, value in top.items():
        result[key] = merge(result.get(key), value, (*path, key), origins, origin_of)
    return result


def _of_one_kind(base: dict[str, Any], top: dict[str, Any], path: KeyPath) -> bool:
    """Whether two mappings can be of one kind; inside a plugin's block, one that names no kind fits any."""
    kind = base.get("kind")
    if kind is None and path and path[0] not in FOLDERS:
        return "kind" not in top  # what names a kind cannot merge with what has none
    if kind is None and len(path) == 2 and "extends" not in base:
        kind = path[1]  # a plugin's block is of the kind of its name
    return kind is None or top.get("kind", kind) == kind


def merged(base: Any, top: Any) -> Any:
    """``top`` over ``base``, without origins; see ``merge``."""
    return base if top is None else merge(base, top, (), {}, lambda path: ((), 0))

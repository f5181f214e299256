"""Resolved parameters, before they are checked, and where in a file each value was written."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from taet.study.params.yamlfile import KeyPath, Line, dotted, located

Origin = tuple[KeyPath, Line]  # path in the file, and line; or the flag that gives the value
STUDY_PREFIX = ("studies", "NAME")  # before a path in a study


@dataclass(frozen=True)
class ResolvedValues:
    """Resolved parameters of a study before validation, and where each value was written."""

    file: Path
    values: dict[str, Any]
    origins: dict[KeyPath, Origin]  # by resolved path
    bases: dict[tuple[str, str], str] = field(default_factory=dict)  # what (section, block) extends
    common: dict[KeyPath, Origin] = field(default_factory=dict)  # where the common values are

    def has(self, path: KeyPath) -> bool:
        """Whether the file has a value for a path, in its own block or in the one that this extends."""
        return path in self.origins

    def is_inherited(self, path: KeyPath) -> bool:
        """Whether a value, or its absence, comes from the block that its own block extends."""
        section, name, *rest = path
        base = self.bases.get((str(section), str(name)))
        if base is None or rest == ["label"]:
            return False
        while rest and (section, name, *rest) not in self.origins:
            rest.pop()
        return not rest or self.origins[section, name, *rest] == self.origins.get(
            (section, base, *rest)
        )

    def locate(self, path: KeyPath) -> str:
        """``params.yaml:12: studies.digits.training.epochs`` for the resolved path, or its parent.

        For a value of the command line it is the flag, ``--set training.epochs``.
        """
        parent = path
        while parent and parent not in self.origins:
            parent = parent[:-1]
        written, line = self.origins.get(parent, ((), 1))
        if isinstance(line, str):
            written = written[len(STUDY_PREFIX) :]
        return located(self.file, line, (*written, *path[len(parent) :]))

    def locate_missing(self, path: KeyPath) -> str:
        """Like ``locate``, but in the common block, if any: what all studies lack is reported once."""
        if path[:-1] not in self.common:
            return self.locate(path)
        written, line = self.common[path[:-1]]
        return f"{self.file}:{line}: {dotted((*written, path[-1]))}"

    def origin(self, path: KeyPath) -> str:
        """Where a value comes from: ``common, line 31``, ``studies.digits, line 70`` or ``--set``."""
        if path not in self.origins:
            return "command line"
        written, line = self.origins[path]
        if isinstance(line, str):
            return line
        part = ".".join(map(str, written[:2])) if written[:1] == ("studies",) else "common"
        return f"{part}, line {line}"


def listed(resolved: ResolvedValues) -> list[tuple[str, Any, str]]:
    """Dotted name, value and origin of every parameter."""
    return [(dotted(path), value, resolved.origin(path)) for path, value in leaves(resolved.values)]


def leaves(value: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """The values that are no mappings, each with its path."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from leaves(item, (*path, name))
    else:
        yield path, value

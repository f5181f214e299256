"""A study as a command asks for it: its name in the parameter file, and values set for this run alone.

``--set methods.taet.alpha=0.2`` lays a value over the study as a study that extends it would; ``--smoke``
makes the study tiny. Both give a further study with a name of its own, so that its results never lie in the
folder of the one that params.yaml describes. The parameter file itself stays as it is.
"""

import hashlib
import json
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from taet.errors import UserError, shortened, suggest
from taet.study.params.yamlfile import KeyPath, dotted, read_value

SET, SMOKE = "--set", "--smoke"
SEPARATOR = ";"  # between several assignments in one text, as Snakemake gets them
CONFIG = ("study", "set", "smoke")  # keys of ``snakemake --config``
SET_HINT = "set one value a key, such as --config set=methods.taet.alpha=0.2"
NOT_SET = ("study", "studies", "extends")  # they say which study is meant, which --study does


@dataclass(frozen=True)
class Assignment:
    """One value set on the command line.

    Attributes:
        path: keys in the study, such as ``("methods", "taet", "alpha")``.
        value: as the parameter file would hold it.
    """

    path: tuple[str, ...]
    value: Any


@dataclass(frozen=True)
class Selection:
    """Which study, with which changes for this run.

    Attributes:
        study: its name in the parameter file; None for the file's own choice.
        assignments: texts such as ``methods.taet.alpha=0.2``.
        smoke: whether the study is made tiny; see ``taet.study.params.smoke``.
    """

    study: str | None = None
    assignments: tuple[str, ...] = ()
    smoke: bool = False

    @cached_property
    def values(self) -> dict[str, Any]:
        """The assignments as a block of a study.

        Raises:
            UserError: a text is no assignment, or sets what another one sets.
        """
        return _nested(map(parsed, self.assignments))

    @property
    def suffix(self) -> str:
        """What the name of the study ends with; nothing where nothing is changed.

        It is the same for the same values, in whatever order they are given.
        """
        parts = [SMOKE.strip("-")] if self.smoke else []
        if self.assignments:
            text = json.dumps(self.values, sort_keys=True)
            parts += [SET.strip("-"), hashlib.sha256(text.encode()).hexdigest()[:6]]
        return "".join(f"_{part}" for part in parts)

    @property
    def options(self) -> list[str]:
        """Words after a command of ``python -m taet`` that choose the same."""
        words = [] if self.study is None else ["--study", self.study]
        words += [SMOKE] if self.smoke else []
        return words + [word for assignment in self.assignments for word in (SET, assignment)]

    @property
    def config(self) -> list[str]:
        """Words after ``snakemake --config`` that choose the same."""
        words = [] if self.study is None else [f"study={self.study}"]
        words += ["smoke=true"] if self.smoke else []
        return words + (
            [f"set={f'{SEPARATOR} '.join(self.assignments)}"] if self.assignments else []
        )

    @property
    def snakemake(self) -> str:
        """The end of a Snakemake command that chooses the same; it may be empty."""
        return f" --config {shlex.join(self.config)}" if self.config else ""


def of_config(config: Mapping[str, Any]) -> Selection:
    """What ``snakemake --config`` chooses: ``study=NAME``, ``set=KEY=VALUE; KEY=VALUE``, ``smoke=true``.

    Raises:
        UserError: another key, or a value that its key cannot have.
    """
    for key in config:
        if key not in CONFIG:
            raise UserError(f"--config {key}: no such key{suggest(key, CONFIG)}; {SET_HINT}")
    text, smoke = config.get("set", ""), config.get("smoke", False)
    if not isinstance(text, str):  # Snakemake reads the value as YAML
        raise UserError(f"--config set: must be KEY=VALUE{SEPARATOR} KEY=VALUE; {SET_HINT}")
    if str(smoke).lower() not in ("true", "false"):
        raise UserError(f"--config smoke={smoke}: must be true or false")
    study = config.get("study")
    name = None if study is None else str(study)
    return Selection(name, separated(text), smoke=str(smoke).lower() == "true")


def separated(text: str) -> tuple[str, ...]:
    """The assignments in one text: ``methods.taet.alpha=0.2; grid.seeds=[0]``."""
    return tuple(part.strip() for part in text.split(SEPARATOR) if part.strip())


def parsed(text: str) -> Assignment:
    """An assignment from its text.

    Raises:
        UserError: it is none.
    """
    key, equals, value = text.partition("=")
    path = tuple(key.strip().split("."))
    if not equals or not all(path):
        raise UserError(
            f"{SET} {shortened(text)}: must be KEY=VALUE, such as {SET} methods.taet.alpha=0.2"
        )
    if path[0] in NOT_SET:
        raise UserError(
            f"{SET} {key.strip()}: keys are those inside a study, such as methods.taet.alpha; --study "
            "chooses the study"
        )
    return Assignment(path, read_value(value, SET, path))


def _nested(assignments: Iterable[Assignment]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for assignment in assignments:
        *parents, last = assignment.path
        block: Any = values
        for depth, key in enumerate(parents):
            block = block.setdefault(key, {})
            if not isinstance(block, dict):
                raise _twice(assignment.path[: depth + 1])
        if last in block:
            raise _twice(assignment.path)
        block[last] = assignment.value
    return values


def _twice(path: KeyPath) -> UserError:
    return UserError(f"{SET} {dotted(path)}: set twice; keep one of them")


def paths(value: Any, prefix: KeyPath = ()) -> Iterator[KeyPath]:
    """The path of a value and of everything in it."""
    yield prefix
    items: Iterable[tuple[str | int, Any]] = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, item in items:
        yield from paths(item, (*prefix, key))

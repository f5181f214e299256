"""Where parameters come from: the common values, overlaid with what a study says differently.

Nothing is checked here but the structure of ``studies``. Every resolved value remembers the line it
was written in, so that a problem found later can name it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from taet.errors import UserError, suggest
from taet.study.params.yamlfile import Path_, dotted, read_yaml


@dataclass(frozen=True)
class ParamFile:
    """A parameter file: common values, studies, and the line of every key."""

    path: Path
    common: dict[str, Any]
    studies: dict[str, Any]
    lines: dict[Path_, int]


@dataclass(frozen=True)
class Source:
    """Resolved parameters of a study before validation, and where each value was written."""

    file: Path
    values: dict[str, Any]
    origins: dict[Path_, tuple[Path_, int]]  # resolved path -> (path in the file, line)

    def locate(self, path: Path_) -> str:
        """``params.yaml:12: studies.digits.training.epochs`` for the resolved path, or its parent."""
        known = path
        while known and known not in self.origins:
            known = known[:-1]
        written, line = self.origins.get(known, ((), 1))
        return f"{self.file}:{line}: {dotted((*written, *path[len(known) :]))}"

    def origin(self, path: Path_) -> str:
        """Where a value comes from: ``common, line 31`` or ``studies.digits, line 70``."""
        if path not in self.origins:
            return "command line"
        written, line = self.origins[path]
        place = ".".join(map(str, written[:2])) if written[:1] == ("studies",) else "common"
        return f"{place}, line {line}"


def _overlay(
    base: Any,
    top: Any,
    path: Path_,
    written: Path_,
    lines: Mapping[Path_, int],
    origins: dict[Path_, Any],
) -> Any:
    """``top`` over ``base``: mappings merge, anything else replaces.

    A mapping that names another ``kind`` replaces too: Adam has no use for SGD's momentum.
    """
    origins[path] = (written, lines.get(written, 1))
    if not isinstance(top, dict):
        if isinstance(base, (dict, list)):
            for stale in [p for p in origins if p[: len(path)] == path and p != path]:
                del origins[stale]
        for i, _ in enumerate(top if isinstance(top, list) else ()):
            origins[*path, i] = ((*written, i), lines.get((*written, i), 1))
        return top
    # A plugin's block whose kind is its own name need not say so.
    kind = base.get("kind", path[-1] if path else None) if isinstance(base, dict) else None
    merges = isinstance(base, dict) and top.get("kind", kind) == kind
    result = dict(base) if merges else {}
    for key, value in top.items():
        result[key] = _overlay(
            result.get(key), value, (*path, key), (*written, key), lines, origins
        )
    return result


def leaves(value: Any, path: Path_ = ()) -> Iterator[tuple[Path_, Any]]:
    """The values that are no mappings, and where each lies."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from leaves(item, (*path, name))
    else:
        yield path, value


def _study_chain(file: ParamFile, name: str) -> list[str]:
    """The study and those it extends, the most basic first."""
    chain: list[str] = []
    studies, current = file.studies, name
    while current is not None:
        if not isinstance(current, str) or current not in studies:
            asked = ("studies", chain[0], "extends") if chain else ("study",)
            # A study that was asked for on the command line is no line's mistake.
            written = asked in file.lines and (chain or file.common.get("study") == current)
            where = f":{file.lines[asked]}: {dotted(asked)}" if written else ""
            hint = suggest(str(current), studies)
            raise UserError(f"{file.path}{where}: no study {current!r}{hint}")
        if current in chain:
            raise UserError(
                f"{file.path}: studies.{current}.extends: the studies extend each other in a circle"
            )
        if not isinstance(studies[current], dict):
            raise UserError(
                f"{file.path}: studies.{current}: must be a mapping ({{}} changes nothing)"
            )
        if "study" in studies[current]:
            where = (
                f"{file.path}:{file.lines['studies', current, 'study']}: studies.{current}.study"
            )
            raise UserError(f"{where}: only the file itself chooses a study; remove it")
        chain.insert(0, current)
        current = studies[current].get("extends")
    return chain


def read_file(path: Path) -> ParamFile:
    """The parts of a parameter file.

    Raises:
        UserError: it cannot be read, or has no studies.
    """
    common, lines = read_yaml(path)
    studies = common.pop("studies", None)
    if not isinstance(studies, dict) or not studies:
        raise UserError(
            f"{path}: studies: missing; needs at least one study, such as 'digits: {{}}'"
        )
    return ParamFile(path, common, studies, lines)


def of_study(file: ParamFile, study: str | None = None) -> Source:
    """Overlay a study (the file's own choice if None) on the common values; nothing is checked yet."""
    chosen = study if study is not None else file.common.get("study")
    if chosen is None:
        raise UserError(f"{file.path}: study: missing; name one of: {', '.join(file.studies)}")
    chain, source = _study_chain(file, chosen), of_common(file)
    values, origins = source.values, source.origins
    for name in chain:
        top = {key: value for key, value in file.studies[name].items() if key != "extends"}
        values = _overlay(values, top, (), ("studies", name), file.lines, origins)
    if values.get("study") != chosen:
        values["study"] = chosen
        origins.pop(("study",), None)
    return Source(file.path, values, origins)


def of_common(file: ParamFile) -> Source:
    """The common values alone, as no study sees them; nothing is checked yet."""
    origins: dict[Path_, tuple[Path_, int]] = {}
    values = _overlay({}, file.common, (), (), file.lines, origins)
    return Source(file.path, values, origins)

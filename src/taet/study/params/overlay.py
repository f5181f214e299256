"""Where parameters come from: the common values, overlaid with those of a study.

Nothing is checked here but what studies and blocks extend. The line of every resolved value is recorded, so
that the message of a later problem can name it.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from taet.errors import UserError, suggest
from taet.study.params.plugins import FOLDERS, names
from taet.study.params.selection import paths
from taet.study.params.sweep import SWEEP, unfolded
from taet.study.params.yamlfile import KeyPath, Line, dotted, located, read_yaml
from taet.values import LONGEST_NAME

Origin = tuple[KeyPath, Line]  # path in the file, and line; or the flag that gives the value
EXTENDING = tuple(FOLDERS)  # blocks there may extend others
STUDY_PREFIX = ("studies", "NAME")  # before a path in a study


@dataclass(frozen=True)
class ParamFile:
    """A parameter file: common values, studies, and the line of every key.

    A study that the command line makes has flags for lines.
    """

    path: Path
    common: dict[str, Any]
    studies: dict[str, Any]
    lines: dict[KeyPath, Line]


@dataclass(frozen=True)
class Source:
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


def _overlay(
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
        result[key] = _overlay(result.get(key), value, (*path, key), origins, origin_of)
    return result


def _of_one_kind(base: dict[str, Any], top: dict[str, Any], path: KeyPath) -> bool:
    """Whether two mappings can be of one kind; inside a plugin's block, one that names no kind fits any."""
    kind = base.get("kind")
    if kind is None and path and path[0] not in EXTENDING:
        return "kind" not in top  # what names a kind cannot merge with what has none
    if kind is None and len(path) == 2 and "extends" not in base:
        kind = path[1]  # a plugin's block is of the kind of its name
    return kind is None or top.get("kind", kind) == kind


def laid_over(base: Any, top: Any) -> Any:
    """``top`` over ``base``, without origins; see ``_overlay``."""
    return base if top is None else _overlay(base, top, (), {}, lambda path: ((), 0))


def _with_bases(source: Source) -> Source:
    """The source with blocks that extend others completed from these, but for labels."""
    values, origins = dict(source.values), dict(source.origins)
    bases: dict[tuple[str, str], str] = {}
    by_block: dict[KeyPath, dict[KeyPath, Origin]] = defaultdict(dict)
    for path, origin in origins.items():
        by_block[path[:2]][path] = origin
    for section in EXTENDING:
        if isinstance(values.get(section), dict):
            values[section] = dict(values[section])
            for name in _bases_first(source, section):
                base = bases[section, name] = values[section][name]["extends"]
                block, written = _extended(
                    values[section],
                    (section, name),
                    by_block[section, base],
                    by_block[section, name],
                )
                values[section][name], by_block[section, name] = block, written
                origins |= written
    return replace(source, values=values, origins=origins, bases=bases)


def _bases_first(source: Source, section: str) -> list[str]:
    """Names of the blocks that extend others, each after the one that it extends.

    Raises:
        UserError: a block extends one that does not exist, or itself by way of others, or names a kind.
    """
    blocks = source.values[section]
    bases = {
        name: block["extends"]
        for name, block in blocks.items()
        if isinstance(block, dict) and "extends" in block
    }
    ordered: list[str] = []
    for name in bases:
        chain = [name]
        while chain[-1] in bases:
            base, where = bases[chain[-1]], source.locate((section, chain[-1], "extends"))
            if not isinstance(base, str):
                raise UserError(f"{where}: must be the name of one block of {section}")
            if base not in blocks:
                raise UserError(
                    f"{where}: no {FOLDERS[section]} {base!r}{suggest(str(base), blocks)}"
                )
            if base in chain:
                circle = " -> ".join([*chain[chain.index(base) :], base])
                raise UserError(f"{where}: blocks extend each other in a circle, {circle}")
            if "kind" in blocks[chain[-1]]:
                where = source.locate((section, chain[-1], "kind"))
                raise UserError(
                    f"{where}: a block is of the kind of the one that it extends; remove it"
                )
            chain.append(base)
        kind = _kind_of(blocks, chain[-1])
        if name != kind and name in names(section):
            raise UserError(
                f"{source.locate((section, name, 'extends'))}: a block named {name!r} is of that kind; give "
                f"the one that extends {bases[name]!r} another name"
            )
        ordered += [link for link in reversed(chain[:-1]) if link not in ordered]
    return ordered


def _kind_of(blocks: dict[str, Any], name: str) -> Any:
    """The kind of a block that extends no other."""
    block = blocks[name]
    return block.get("kind", name) if isinstance(block, dict) else name


def _extended(
    blocks: dict[str, Any],
    path: tuple[str, str],
    of_base: dict[KeyPath, Origin],
    of_own: dict[KeyPath, Origin],
) -> tuple[Any, dict[KeyPath, Origin]]:
    """A block over the one that it extends, and where each value of it was written."""
    section, name = path
    base_name = blocks[name]["extends"]
    base, own = blocks[base_name], {k: v for k, v in blocks[name].items() if k != "extends"}
    if not isinstance(base, dict):
        return base, of_own  # wrong, and reported for the base
    inherited = {"kind": base_name} | {key: value for key, value in base.items() if key != "label"}
    origins = {(*path, *p[2:]): origin for p, origin in of_base.items() if p[2:3] != ("label",)}
    origins.setdefault((*path, "kind"), of_base[section, base_name])
    return _overlay(inherited, own, path, origins, of_own.__getitem__), origins


def listed(source: Source) -> list[tuple[str, Any, str]]:
    """Dotted name, value and origin of every parameter."""
    return [(dotted(path), value, source.origin(path)) for path, value in _leaves(source.values)]


def _leaves(value: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """The values that are no mappings, each with its path."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _leaves(item, (*path, name))
    else:
        yield path, value


def _study_chain(file: ParamFile, name: str) -> list[str]:
    """The study and those it extends, the most basic first."""
    chain: list[str] = []
    studies, current = file.studies, name
    while current is not None:
        if not isinstance(current, str) or current not in studies:
            asked = ("studies", chain[0], "extends") if chain else ("study",)
            # A study that the command line names is no mistake in any line.
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
    if SWEEP in common:
        where = located(path, lines[SWEEP,], (SWEEP,))
        raise UserError(f"{where}: only a study has one; move it into a block below studies")
    return ParamFile(path, common, studies, lines)


def with_study(
    file: ParamFile, base: str, name: str, values: dict[str, Any], flag: str
) -> ParamFile:
    """The file with one study more, which it chooses: the command line makes it from another study.

    Args:
        base: the study that it extends.
        name: its own name.
        values: what differs, as the block of a study would have it.
        flag: the option that asks for it.

    Raises:
        UserError: the name cannot be given.
    """
    if name in file.studies:
        where = located(file.path, file.lines["studies", name], ("studies", name))
        raise UserError(
            f"{where}: the name that {flag} gives to a changed {base!r}; rename this study"
        )
    if len(name) > LONGEST_NAME:
        raise UserError(
            f"{flag}: the changed study would be called {name!r}, which is longer than {LONGEST_NAME} "
            f"characters; give {base!r} a shorter name"
        )
    block = {**values, "extends": base}
    lines = dict(file.lines)
    lines.update(dict.fromkeys([("study",), *paths(block, ("studies", name))], flag))
    common = file.common | {"study": name}
    return ParamFile(file.path, common, file.studies | {name: block}, lines)


def of_study(file: ParamFile, study: str | None = None) -> Source:
    """A study (the file's own choice if None) over the common values; nothing is checked yet.

    Its sweep is unfolded, and blocks that extend others are completed with the values that these have in the
    study.
    """
    chosen = study if study is not None else file.common.get("study")
    if chosen is None:
        raise UserError(f"{file.path}: study: missing; name one of: {', '.join(file.studies)}")
    chain, source = _study_chain(file, chosen), _common(file)
    values, origins, common = source.values, source.origins, dict(source.origins)
    for name in chain:
        top = {key: value for key, value in file.studies[name].items() if key != "extends"}
        values = _overlay(values, top, (), origins, _written(file, "studies", name))
    if values.get("study") != chosen:
        values["study"] = chosen
        origins.pop(("study",), None)
    return _with_bases(unfolded(Source(file.path, values, origins, common=common)))


def of_common(file: ParamFile) -> Source:
    """The common values alone, as no study sees them; nothing is checked yet."""
    return _with_bases(_common(file))


def _common(file: ParamFile) -> Source:
    origins: dict[KeyPath, Origin] = {}
    return Source(file.path, _overlay({}, file.common, (), origins, _written(file)), origins)


def _written(file: ParamFile, *prefix: str) -> Callable[[KeyPath], Origin]:
    """Gives the origin of a value of the common part, or of a study."""
    return lambda path: ((*prefix, *path), file.lines.get((*prefix, *path), 1))

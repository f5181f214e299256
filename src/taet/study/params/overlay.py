"""Where parameters come from: the common values, overlaid with those of a study.

Nothing is checked here but what studies and blocks extend. The line of every resolved value is recorded, so
that the message of a later problem can name it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from taet.errors import UserError, suggest
from taet.study.params.extends import with_bases
from taet.study.params.merge import merge
from taet.study.params.resolved import Origin, ResolvedValues
from taet.study.params.selection import paths
from taet.study.params.sweep import SWEEP, unfolded
from taet.study.params.yamlfile import KeyPath, Line, dotted, located, read_yaml
from taet.values import LONGEST_NAME


@dataclass(frozen=True)
class ParamFile:
    """A parameter file: common values, studies, and the line of every key.

    A study that the command line makes has flags for lines.
    """

    path: Path
    common: dict[str, Any]
    studies: dict[str, Any]
    lines: dict[KeyPath, Line]


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


def of_study(file: ParamFile, study: str | None = None) -> ResolvedValues:
    """A study (the file's own choice if None) over the common values; nothing is checked yet.

    Its sweep is unfolded, and blocks that extend others are completed with the values that these have in the
    study.
    """
    chosen = study if study is not None else file.common.get("study")
    if chosen is None:
        raise UserError(f"{file.path}: study: missing; name one of: {', '.join(file.studies)}")
    chain, resolved = _study_chain(file, chosen), _common(file)
    values, origins, common = resolved.values, resolved.origins, dict(resolved.origins)
    for name in chain:
        top = {key: value for key, value in file.studies[name].items() if key != "extends"}
        values = merge(values, top, (), origins, _written(file, "studies", name))
    if values.get("study") != chosen:
        values["study"] = chosen
        origins.pop(("study",), None)
    return with_bases(unfolded(ResolvedValues(file.path, values, origins, common=common)))


def of_common(file: ParamFile) -> ResolvedValues:
    """The common values alone, as no study sees them; nothing is checked yet."""
    return with_bases(_common(file))


def _common(file: ParamFile) -> ResolvedValues:
    origins: dict[KeyPath, Origin] = {}
    return ResolvedValues(file.path, merge({}, file.common, (), origins, _written(file)), origins)


def _written(file: ParamFile, *prefix: str) -> Callable[[KeyPath], Origin]:
    """Gives the origin of a value of the common part, or of a study."""
    return lambda path: ((*prefix, *path), file.lines.get((*prefix, *path), 1))

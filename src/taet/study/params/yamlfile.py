"""Read one YAML file strictly, and remember the line of every key.

PyYAML's safe loader silently takes the last of two equal keys; here that is an error, because a
parameter that is set twice has no single value. It also reads YAML 1.1, where ``1:10`` is 70, ``010`` is 8
and ``no`` is false; here a number or a boolean must be written so that every reader takes it for the same.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from taet.decimals import RULE, is_decimal, is_integer
from taet.errors import LONGEST_VALUE, UserError, shortened

# LibYAML's where PyYAML was built with it: ten times as fast, and every stage reads the file.
Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# Keys and indices from the top of the document: ("methods", "taet", "alpha").
KeyPath = tuple[str | int, ...]
Line = int | str  # where a value was written: line of the file, or flag of the command line
MAX_NODES = 100_000  # far above any real file; stops alias bombs
TAG = "tag:yaml.org,2002:"


def _is_boolean(text: str) -> bool:
    return text.lower() in ("true", "false")


def _is_null(text: str) -> bool:
    return text.lower() in ("null", "~", "")


def _is_decimal_comma(
    mapping: yaml.MappingNode, before: Any, key: yaml.Node, value: yaml.Node
) -> bool:
    """Whether ``{alpha: 0,1}`` was written: after an integer a key of digits without a value."""
    return (
        bool(mapping.flow_style)
        and isinstance(before, int)
        and isinstance(key.value, str)
        and key.value.isdigit()
        and value.start_mark.index == value.end_mark.index
    )


QUOTE = "put it in quotes if it is text"
# How a value of each kind must be written, and what to write where it is not.
SCALARS: dict[str, tuple[Callable[[str], bool], str]] = {
    "str": (lambda text: True, ""),
    "int": (is_integer, f"write a number in {RULE}, or {QUOTE}"),
    "float": (is_decimal, f"write a number in {RULE}, or {QUOTE}"),
    "bool": (_is_boolean, f"write true or false, or {QUOTE}"),
    "null": (_is_null, f"write null, or {QUOTE}"),
    "timestamp": (lambda text: False, f"no parameter is a date; {QUOTE}"),
    "merge": (lambda text: False, QUOTE),
    "value": (lambda text: False, QUOTE),
}


class _Walker:
    def __init__(self, loader: Any, name: str, flag: str | None = None) -> None:
        self.loader, self.name, self.flag = loader, name, flag
        self.lines: dict[KeyPath, Line] = {}
        self.nodes = 0

    def build(self, node: yaml.Node, path: KeyPath) -> Any:
        self.nodes += 1
        line = node.start_mark.line + 1
        if self.nodes > MAX_NODES:
            raise UserError(f"{self.name}:{line}: more than {MAX_NODES} entries: not a params file")
        self.lines.setdefault(path, line)
        kind = node.tag.removeprefix(TAG)
        if isinstance(node, yaml.MappingNode) and kind == "map":
            return self.mapping(node, path)
        if isinstance(node, yaml.SequenceNode) and kind == "seq":
            return [self.build(item, (*path, i)) for i, item in enumerate(node.value)]
        if not isinstance(node, yaml.ScalarNode) or kind not in SCALARS:
            raise self.refused(node, path, f"the tag {node.tag} is not read")
        fits, advice = SCALARS[kind]
        if not fits(node.value):
            raise self.refused(node, path, f"{self.reading(node, kind)}; {advice}")
        return self.loader.construct_object(node)

    def mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        result: dict[str, Any] = {}
        previous: tuple[str, Any] = ("", None)
        for key_node, value_node in node.value:
            if _is_decimal_comma(node, previous[1], key_node, value_node):
                number = f"{previous[1]}.{key_node.value}"
                problem = f"write the number with a point, {number}; a comma ends a value"
                raise self.refused(key_node, (*path, previous[0]), problem)
            if key_node.tag == f"{TAG}merge":
                problem = "merge keys are not read; write the values out"
                raise self.refused(key_node, (*path, "<<"), problem)
            if key_node.tag != f"{TAG}str" or not isinstance(key_node, yaml.ScalarNode):
                scalar = isinstance(key_node, yaml.ScalarNode)
                got = quoted(key_node.value) if scalar else "a collection"
                problem = f"a key must be plain text, got {got}; put a name in quotes"
                raise self.refused(key_node, path, problem)
            key = key_node.value
            if key in result:
                first = self.lines[*path, key]
                problem = f"given twice, first in line {first}; keep one of them"
                raise self.refused(key_node, (*path, key), problem)
            self.lines[*path, key] = key_node.start_mark.line + 1
            result[key] = self.build(value_node, (*path, key))
            previous = (key, result[key])
        return result

    def reading(self, node: yaml.ScalarNode, kind: str) -> str:
        """How YAML 1.1 reads a value that is not written as it must be."""
        try:
            fits = len(node.value) <= LONGEST_VALUE
            value = self.loader.construct_object(node) if fits else "..."
        except (ValueError, LookupError, AttributeError, yaml.YAMLError):
            return f"{quoted(node.value)} is no {kind}"  # a date that no calendar has, !!bool maybe
        return f"YAML reads {quoted(node.value)} as the {kind} {value}"

    def refused(self, node: yaml.Node, path: KeyPath, problem: str) -> UserError:
        where = located(self.name, self.flag or node.start_mark.line + 1, path)
        return UserError(f"{where}: {problem}")


def located(file: Path | str, line: Line, path: KeyPath) -> str:
    """Where a value was written, for a message: ``params.yaml:12: threat.eps`` or ``--set threat.eps``."""
    if isinstance(line, str):
        return f"{line} {dotted(path)}"
    return ": ".join(filter(None, (f"{file}:{line}", dotted(path))))


def quoted(text: str) -> str:
    """A value for a message: in quotes, and not too long."""
    return repr(shortened(text))


def dotted(path: KeyPath) -> str:
    """``("grid", "seeds", 1)`` as ``grid.seeds[1]``; a key that cannot be printed, as Python writes it."""
    text = "".join(
        f"[{part}]" if isinstance(part, int) else f".{_printable(part)}" for part in path
    )
    return text.removeprefix(".")


def read_value(text: str, flag: str, path: KeyPath) -> Any:
    """A value on the command line, written as in the file.

    Args:
        text: the value.
        flag: the option that has it, for messages.
        path: key that gets the value.

    Raises:
        UserError: it is no YAML, or not written as a value must be.
    """
    try:
        loader = Loader(text)
        node = loader.get_single_node()
        if node is None:
            raise UserError(f"{flag} {dotted(path)}: a value is missing; write null for none")
        return _Walker(loader, "", flag).build(node, path)
    except (yaml.YAMLError, ValueError, RecursionError):
        raise UserError(
            f"{flag} {dotted(path)}: {quoted(text)} is not valid YAML; write it as in params.yaml"
        ) from None


def _printable(key: str) -> str:
    return key if key.isprintable() else repr(key)


def _above(path: Path) -> str:
    """``, which is ...`` for the folder above this one that has such a file and a Snakefile."""
    folders = path.absolute().parent.parents
    project = next(
        (f for f in folders if (f / path.name).is_file() and (f / "Snakefile").is_file()), None
    )
    return f", which is {project}" if project and path.parent == Path() else ""


def read_yaml(path: Path) -> tuple[dict[str, Any], dict[KeyPath, Line]]:
    """Contents of a YAML mapping, and the line of each of its keys.

    Raises:
        UserError: unreadable, not UTF-8, not YAML, not a mapping, or a key given twice.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(
            f"{path}: no such file; run in the project's folder{_above(path)}, or name one with --params"
        ) from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: is not UTF-8 text ({error.reason}, byte {error.start})") from None
    try:
        loader = Loader(text)
        node = loader.get_single_node()
        walker = _Walker(loader, str(path))
        data = walker.build(node, ()) if node is not None else None
    except RecursionError:
        raise UserError(f"{path}: nested too deeply, or an alias contains itself") from None
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or type(error).__name__
        raise UserError(f"{path}{line}: not valid YAML: {problem}") from None
    if not isinstance(data, dict):
        raise UserError(f"{path}: must hold a mapping of keys to values")
    return data, walker.lines

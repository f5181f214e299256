"""Read one YAML file strictly, and remember the line of every key.

PyYAML's safe loader silently keeps the last of two equal keys; here that is an error, because a
parameter that is set twice has no single value.
"""

from pathlib import Path
from typing import Any

import yaml

from taet.errors import UserError

# LibYAML's where PyYAML was built with it: ten times as fast, and every stage reads the file.
Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Path_ = tuple[str | int, ...]  # where in the document: ("methods", "taet", "alpha")
MAX_NODES = 100_000  # far above any real file; stops alias bombs


class _Walker:
    def __init__(self, loader: Any, name: str) -> None:
        self.loader, self.name = loader, name
        self.lines: dict[Path_, int] = {}
        self.nodes = 0

    def build(self, node: yaml.Node, path: Path_) -> Any:
        self.nodes += 1
        line = node.start_mark.line + 1
        if self.nodes > MAX_NODES:
            raise UserError(f"{self.name}:{line}: more than {MAX_NODES} entries: not a params file")
        self.lines.setdefault(path, line)
        if not node.tag.startswith("tag:yaml.org,2002:") or "python" in node.tag:
            raise UserError(f"{self.name}:{line}: {dotted(path)}: the tag {node.tag} is not read")
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*path, i)) for i, item in enumerate(node.value)]
        try:
            return self.loader.construct_object(node)
        except ValueError as error:  # a number of too many digits, a date that no calendar has
            reason = str(error).partition(";")[0]
            raise UserError(f"{self.name}:{line}: {dotted(path)}: {reason}") from None
        except (
            LookupError,
            AttributeError,
        ):  # a tag that its text does not fit, as in !!bool maybe
            raise UserError(
                f"{self.name}:{line}: {dotted(path)}: {node.value!r} is no {node.tag.rpartition(':')[2]}"
            ) from None

    def mapping(self, node: yaml.MappingNode, path: Path_) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if key_node.tag.endswith(":merge"):
                where = f"{self.name}:{line}: {dotted((*path, '<<'))}"
                raise UserError(f"{where}: merge keys are not read; write the values out")
            key = self.loader.construct_object(key_node, deep=True)
            where = f"{self.name}:{line}: {dotted((*path, str(key)))}"
            if not isinstance(key, str):
                raise UserError(f"{where}: a key must be plain text, got {key!r}")
            if key in result:
                first = self.lines[*path, key]
                raise UserError(f"{where}: given twice, first in line {first}; keep one of them")
            self.lines[*path, key] = line
            result[key] = self.build(value_node, (*path, key))
        return result


def dotted(path: Path_) -> str:
    """``("grid", "seeds", 1)`` as ``grid.seeds[1]``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def read_yaml(path: Path) -> tuple[dict[str, Any], dict[Path_, int]]:
    """Contents of a YAML mapping, and the line of each of its keys.

    Raises:
        UserError: unreadable, not UTF-8, not YAML, not a mapping, or a key given twice.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(
            f"{path}: no such file; run in the project's folder, or name one with --params"
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

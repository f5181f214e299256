"""Which code made an artifact: a hash over the source files that a job really uses.

Snakemake and DVC see neither imported modules nor the difference between a comment and a change of a
formula. The fingerprint follows the imports between the package's own files and ignores comments,
docstrings, formatting and what is said when an error is raised, so that editing one method retrains
that method only, and explaining a line retrains nothing.
"""

import ast
import hashlib
import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from taet.source_code import PACKAGE, source

CHECKING = ("TYPE_CHECKING", "typing.TYPE_CHECKING")
# These say, check and find things, but compute nothing that is stored: what they decide (values of
# parameters, which plugin runs) is in a job's key already.
PLUMBING = {
    f"{PACKAGE.name}.{name}"
    for name in (
        "errors",
        "options",
        "study.params.plugins",
        "study.run.gpus",
        "study.run.processes",
        "study.run.progress",
    )
}


@cache
def fingerprint(*entries: str) -> str:
    """Hash of the named modules (``"taet.methods.taet"``) and of all they import, 16 hex digits."""
    found: set[str] = set()
    todo = list(entries)
    while todo:
        module = todo.pop()
        if module not in found and module not in PLUMBING:
            found.add(module)
            todo += _imports(module)
    body = [(module, _digest(module)) for module in sorted(found)]
    return hashlib.sha256(json.dumps(body).encode()).hexdigest()[:16]


def _file(module: str) -> Path | None:
    base = PACKAGE.joinpath(*module.split(".")[1:])
    return next((f for f in (base.with_suffix(".py"), base / "__init__.py") if f.is_file()), None)


@cache
def _tree(module: str) -> ast.Module:
    file = _file(module)
    if file is None:
        raise FileNotFoundError(f"no source file for module {module}")
    return ast.parse(source(file))


@cache
def _imports(module: str) -> tuple[str, ...]:
    """Modules of this package that ``module`` imports when it runs."""
    package = PACKAGE.name
    found: set[str] = set()
    for node in _running(_tree(module)):
        if isinstance(node, ast.Import):
            found |= {a.name for a in node.names if a.name.split(".")[0] == package}
        elif isinstance(node, ast.ImportFrom) and node.level:
            raise ValueError(f"{module}: line {node.lineno}: import by full name, not relatively")
        elif isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] == package:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            submodules = [name for name in inner if _file(name)]
            found |= set(submodules)
            if len(submodules) < len(inner):
                found.add(str(node.module))
    return tuple(sorted(found))


def _running(tree: ast.AST) -> Iterable[ast.AST]:
    """All nodes but those in the body of ``if TYPE_CHECKING``, which never runs."""
    for node in ast.iter_child_nodes(tree):
        yield node
        if isinstance(node, ast.If) and ast.unparse(node.test) in CHECKING:
            for other in node.orelse:
                yield other
                yield from _running(other)
        else:
            yield from _running(node)


@cache
def _digest(module: str) -> str:
    text = json.dumps(_canonical(_tree(module)), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _canonical(node: Any) -> Any:
    """The tree as nested lists, without docstrings and empty fields.

    Not ``ast.dump`` or ``ast.unparse``: their text changes between Python versions.
    """
    if isinstance(node, list):
        return [_canonical(item) for item in node]
    if not isinstance(node, ast.AST):
        return repr(node)
    if isinstance(node, ast.Raise):
        return ["Raise"]  # a job that raises stores nothing
    fields = dict(ast.iter_fields(node))
    if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
        fields["body"] = [n for n in fields["body"] if not _is_text(n)]
    return [
        type(node).__name__,
        *([k, _canonical(v)] for k, v in fields.items() if v not in (None, [])),
    ]


def _is_text(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )

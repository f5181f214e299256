"""Which code made an artifact: a hash over the source files that a job really uses.

Snakemake and DVC do not see imported modules, and cannot tell a comment from a formula. The fingerprint
follows the imports between the package's own files. It ignores comments, docstrings, formatting, error
messages and annotations of functions, so that editing the file of one method retrains that method only, and
explaining a line retrains nothing. An edited formula in ``losses``, which all methods import, retrains all of
them. An imported module counts by its contents, not by its name: moving a module retrains nothing either,
unless it is imported whole and renamed.
"""

import ast
import builtins
import hashlib
import json
from collections.abc import Iterable
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, TypeGuard

from taet import errors
from taet.source_code import PACKAGE, source

CHECKING = ("TYPE_CHECKING", "typing.TYPE_CHECKING")
# Packages and single files that compute nothing that is stored. What is neither listed here nor in a listed
# package counts, so a file that is forgotten makes too much stale, never too little.
PLUMBING = (
    "decimals",  # how parameters may be written; their values are in the key
    "errors",  # messages
    "messages",  # where messages go
    "options",  # which parameters there are; their values are in the key
    "longtail_options",  # likewise
    "training_options",  # likewise
    "source_code",  # reads this package's files; their code is what is hashed
    "study",  # plans, stores and runs jobs; the format of what it stores is in the key
    "values",  # which values parameters may have; the values are in the key
)

# Members of classes of options that compute nothing that is stored: ``taet.options`` defines them.
PLANNING = (
    "problem",
    # A job's key has what these two give for its attacks.
    "ball",
    "cautions",
    "attack_passes",
    "by_several_processes",
    "first_epochs",
    "loss_passes",
    "without_effect",
    "official_validation",
)

# Classes whose arguments are messages. A loss of a plugin may be called ``SomeError`` as well.
ERRORS = {
    name
    for module in (builtins, errors)
    for name, value in vars(module).items()
    if isinstance(value, type) and issubclass(value, Exception)
}


@cache
def fingerprint(*entries: str) -> str:
    """Hash of the named modules (``"taet.methods.taet"``) and of all they import, 16 hex digits.

    Raises:
        FileNotFoundError: there is no such module.
        ValueError: a module imports relatively, or itself by way of others.
    """
    digests: dict[str, str] = {}
    for module in _imported_first(entries):
        above, inside = (
            [[names, digests[name]] for names, name in part] for part in _imports(module)
        )
        digests[module] = _hash([_code(module), sorted(above), inside])
    return _hash(sorted(digests[entry] for entry in entries))[:16]


def _imported_first(entries: Iterable[str]) -> Iterable[str]:
    """The modules and all they import, each after what it imports."""
    imported: dict[str, set[str]] = {}
    todo = list(entries)
    while todo:
        if (module := todo.pop()) not in imported:
            imported[module] = {name for part in _imports(module) for _, name in part}
            todo += imported[module]
    return TopologicalSorter(imported).static_order()


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, ensure_ascii=True).encode()).hexdigest()


def _file(module: str) -> Path | None:
    base = PACKAGE.joinpath(*module.split(".")[1:])
    return next((f for f in (base.with_suffix(".py"), base / "__init__.py") if f.is_file()), None)


def _computes(module: str) -> bool:
    """Whether numbers can depend on a module of this package."""
    return not any(f"{module}.".startswith(f"{PACKAGE.name}.{name}.") for name in PLUMBING)


@cache
def _tree(module: str) -> ast.Module:
    file = _file(module)
    if file is None:
        raise FileNotFoundError(f"no source file for module {module}")
    tree: ast.Module = _Unannotated().visit(ast.parse(source(file)))
    return tree


class _Unannotated(ast.NodeTransformer):
    """Takes out annotations that compute nothing: those of a function's arguments, result and variables.

    Those of classes stay, since dataclasses and pydantic read them; those of a decorated function's arguments
    and result too, since its decorator may, as ``functools.singledispatch`` does.
    """

    def __init__(self) -> None:
        self.in_function = False

    def visit_FunctionDef(self, node: Any) -> ast.AST:
        self._visit_inside(node, in_function=True)
        if not node.decorator_list:
            node.returns = None
            for inner in ast.walk(node.args):
                if isinstance(inner, ast.arg):
                    inner.annotation = None
        return node  # type: ignore[no-any-return]

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        self._visit_inside(node, in_function=False)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        if not self.in_function:
            return node
        return ast.Assign([node.target], node.value) if node.value else None

    def _visit_inside(self, node: ast.AST, *, in_function: bool) -> None:
        before, self.in_function = self.in_function, in_function
        self.generic_visit(node)
        self.in_function = before


@cache
def _code(module: str) -> str:
    return _hash(_canonical(_tree(module)))


# The names that a module gets, and the module that it gets them from.
Imports = list[tuple[list[str], str]]


@cache
def _imports(module: str) -> tuple[Imports, Imports]:
    """What a module imports from modules that compute: at its top, and inside other statements."""
    tree = _tree(module)
    top = set(map(id, tree.body))
    parts = (tree.body, [node for node in _running(tree) if id(node) not in top])
    above, inside = (
        [
            (names, name)
            for node in nodes
            for names, name in _imported(module, node)
            if _computes(name)
        ]
        for nodes in parts
    )
    return above, inside


def _imported(module: str, node: ast.AST) -> Imports:
    """What a statement imports from this package."""
    if isinstance(node, ast.Import):
        own = [alias for alias in node.names if alias.name.split(".")[0] == PACKAGE.name]
        return [([alias.asname or alias.name], alias.name) for alias in own]
    if not _is_own_import(node):
        return []
    if node.level:
        raise ValueError(f"{module}: line {node.lineno}: import by full name, not relatively")
    imports = []
    for alias in node.names:
        inner = f"{node.module}.{alias.name}"
        is_module = _file(inner) is not None
        original = [] if is_module else [alias.name]
        name = inner if is_module else str(node.module)
        imports.append(([*original, alias.asname or alias.name], name))
    return imports


def _is_own_import(node: ast.AST) -> TypeGuard[ast.ImportFrom]:
    if not isinstance(node, ast.ImportFrom):
        return False
    return bool(node.level) or str(node.module).split(".")[0] == PACKAGE.name


def _running(tree: ast.AST) -> Iterable[ast.AST]:
    """All nodes but those in the body of an ``if TYPE_CHECKING``, which never runs."""
    for node in ast.iter_child_nodes(tree):
        yield node
        if _is_checking(node):
            assert isinstance(node, ast.If)
            for other in node.orelse:
                yield other
                yield from _running(other)
        else:
            yield from _running(node)


def _is_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in CHECKING


def _canonical(node: Any) -> Any:
    """The tree as nested lists, without docstrings, messages, empty fields and names of own modules.

    Not ``ast.dump`` or ``ast.unparse``: their text changes between Python versions.
    """
    if isinstance(node, list):
        return [_canonical(item) for item in node]
    if not isinstance(node, ast.AST):
        return repr(node)
    if _is_own_import(node):
        return ["Import", sorted(alias.asname or alias.name for alias in node.names)]
    if _is_error(node):
        return ["Error", _canonical(node.func)]  # the class, which other code catches, alone
    fields = dict(ast.iter_fields(node))
    if isinstance(node, ast.Module):
        fields["body"] = [n for n in fields["body"] if not _is_own_import(n)]
    if isinstance(node, ast.ClassDef):
        fields["body"] = [n for n in fields["body"] if not _is_planning(n)]
    if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
        fields["body"] = [n for n in fields["body"] if not _is_text(n)]
    if _is_checking(node):
        fields["body"] = []
    return [
        type(node).__name__,
        *([k, _canonical(v)] for k, v in fields.items() if v not in (None, [])),
    ]


def _is_error(node: ast.AST) -> TypeGuard[ast.Call]:
    """Whether an error with a message is made, as by ``UserError("...")``."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ERRORS


def _is_planning(node: ast.AST) -> bool:
    """Whether a member of a class of options serves its check or the costs of a plan alone."""
    if isinstance(node, ast.AnnAssign):
        return isinstance(node.target, ast.Name) and node.target.id in PLANNING
    return isinstance(node, ast.FunctionDef) and node.name in PLANNING


def _is_text(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )

"""A folder is a registry: ``methods/taet.py`` *is* the method ``taet``.

A plugin is a Python file in ``methods/``, ``attacks/``, ``datasets/`` or ``architectures/``. Its docstring is
its card, its class ``Options`` its parameters. Both are read from the source *without running the file*, so
that planning and validation need not import torch, which would take longer than all their work. ``load``,
``title`` and ``constant`` serve the files in ``stages/`` and ``report/figures/`` too.
"""

import ast
import importlib
from functools import cache
from types import ModuleType
from typing import Any

from taet import source_code
from taet.errors import UserError
from taet.options import PluginOptions
from taet.source_code import PACKAGE

# Folders of plugins, which are also sections of params.yaml, and the word for one plugin.
FOLDERS = {
    "datasets": "data set",
    "architectures": "architecture",
    "methods": "method",
    "attacks": "attack",
}


@cache
def names(folder: str) -> tuple[str, ...]:
    """Names of all plugins in a folder, sorted."""
    files = PACKAGE.joinpath(*folder.split(".")).glob("[a-z]*.py")
    return tuple(sorted(file.stem for file in files))


@cache
def syntax_tree(folder: str, name: str) -> ast.Module:
    """Syntax tree of a plugin.

    Raises:
        UserError: there is no such plugin.
    """
    if name not in names(folder):
        raise UserError(f"no file {folder}/{name}.py; there are: {', '.join(names(folder))}")
    return ast.parse(source_code.source(PACKAGE.joinpath(*folder.split("."), f"{name}.py")))


def defines(folder: str, name: str, function: str) -> bool:
    """Whether the plugin's file has a function of this name."""
    body = syntax_tree(folder, name).body
    return any(isinstance(node, ast.FunctionDef) and node.name == function for node in body)


def card(folder: str, name: str) -> str:
    """The plugin's docstring."""
    return ast.get_docstring(syntax_tree(folder, name)) or ""


def title(folder: str, name: str) -> str:
    """The first line of the plugin's docstring."""
    return card(folder, name).partition("\n")[0]


@cache
def options_class(folder: str, name: str) -> type[PluginOptions]:
    """The plugin's class ``Options``, built without importing the plugin.

    The class may use whatever the file imports from ``taet.options`` and ``typing``; nothing else
    is executed.
    """
    module_name = f"taet.{folder}.{name}"
    statements: list[ast.stmt] = [
        node
        for node in syntax_tree(folder, name).body
        if (isinstance(node, ast.ImportFrom) and node.module in ("taet.options", "typing"))
        or (isinstance(node, ast.ClassDef) and node.name == "Options")
    ]
    namespace: dict[str, object] = {"__name__": module_name}
    try:
        exec(compile(ast.Module(statements, []), f"{folder}/{name}.py", "exec"), namespace)
    except NameError as error:
        raise UserError(
            f"{folder}/{name}.py: class Options may use taet.options and typing only: {error}"
        ) from None
    cls = namespace.get("Options")
    if not (isinstance(cls, type) and issubclass(cls, PluginOptions)):
        raise UserError(f"{folder}/{name}.py: needs a class Options made from taet.options")
    return cls


def constant(folder: str, name: str, of: str, default: Any = None) -> Any:
    """The plugin's constant ``of``, a literal; ``default`` if it has none.

    Raises:
        UserError: it is no literal.
    """
    for node in syntax_tree(folder, name).body:
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and of in _targets(node):
            try:
                return ast.literal_eval(node.value or ast.Constant(default))
            except (ValueError, TypeError):
                where = f"{folder.replace('.', '/')}/{name}.py:{node.lineno}"
                raise UserError(
                    f"{where}: {of} must be a literal, such as a dict or a tuple"
                ) from None
    return default


def _targets(node: ast.Assign | ast.AnnAssign) -> list[str]:
    return [
        ast.unparse(t) for t in (node.targets if isinstance(node, ast.Assign) else [node.target])
    ]


def load(folder: str, name: str) -> ModuleType:
    """Import a plugin (and with it torch)."""
    syntax_tree(folder, name)  # names the plugins that exist, instead of a bare ImportError
    return importlib.import_module(f"taet.{folder}.{name}")

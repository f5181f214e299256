"""What each parameter means: the text below each field of a model, for the schema and the cards.

pydantic can read these texts too. But it searches all loaded modules for the source of each class, at every
start, and does not find the classes of plugins, which are built without importing their files.
"""

import ast
import inspect
from functools import cache
from itertools import pairwise

from taet.source_code import PACKAGE, source
from taet.values import Options


@cache
def descriptions(model: type[Options]) -> dict[str, str]:
    """The text below each field of a model that has one, its own fields and those it inherits."""
    texts: dict[str, str] = {}
    for parent in reversed(model.__mro__):
        if issubclass(parent, Options):
            texts |= _below_fields(_definition(parent))
    return {field: texts[field] for field in model.model_fields if field in texts}


def _definition(model: type[Options]) -> ast.ClassDef:
    _, *path = model.__module__.split(".")
    statements = ast.parse(source(PACKAGE.joinpath(*path).with_suffix(".py"))).body
    return next(
        node
        for node in statements
        if isinstance(node, ast.ClassDef) and node.name == model.__name__
    )


def _below_fields(definition: ast.ClassDef) -> dict[str, str]:
    texts = {}
    for field, below in pairwise(definition.body):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
        ):
            texts[field.target.id] = inspect.cleandoc(str(below.value.value))
    return texts

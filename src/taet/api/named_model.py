"""The model that ``--model`` names: a user's function, a file with one, or a network of this project."""

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from taet.api.functions import load_model
from taet.api.images import HERE
from taet.errors import UserError, counted, first_line, nearest

FORMS = (
    "must be MODULE:FUNCTION, such as mymodels.robust:load; FILE.py:FUNCTION, such as models/robust.py:load; "
    "or a trained network, results/STUDY/equalize/.../seed0.safetensors; for weights of others add "
    "--architecture"
)
WEIGHTS = (".safetensors", ".pt", ".pth", ".bin", ".ckpt")  # how names of files of weights end


def load_named_model(name: str) -> nn.Module:
    """The torch module of a name.

    Args:
        name: ``module:function``, with a module that is searched for in the working folder first;
            ``path/to/file.py:function``; ``path/to/file.py`` with one function; or the file of a trained
            network of this project. Modules are executed, the file of a network is not.

    Raises:
        UserError: there is no such thing, the function fails, or it returns something else.
    """
    if Path(name).suffix in WEIGHTS:
        return _network(name)
    module, colon, function = name.rpartition(":") if not name.endswith(".py") else (name, "", "")
    path = Path(module).expanduser() if module.endswith(".py") else None
    right = path if not colon else function.isidentifier() and (path or _is_module(module))
    if not right:
        raise UserError(f"--model {name!r}: {_meant(name) or FORMS}")
    if path is not None and not path.is_file():
        raise UserError(f"--model {name}: no file {path}{nearest(path.name, _files(path.parent))}")
    folder = str((path.parent if path else HERE).resolve())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    loaded = _load_file(name, path) if path else _import(name, module)
    model = _result(name, _function(name, loaded, module, function))
    if not isinstance(model, nn.Module):
        raise UserError(
            f"--model {name}: returned a value of type {type(model).__name__}; must be a torch.nn.Module"
        )
    return model


def _network(name: str) -> nn.Module:
    """A trained network of this project."""
    if not name.endswith(".safetensors"):
        raise UserError(
            f"--model {name}: add --architecture, the network that the weights are of, such as "
            "--architecture resnet18"
        )
    try:
        return load_model(Path(name).expanduser())
    except UserError as error:
        raise UserError(f"--model {error}; for weights of others add --architecture") from None


def _is_module(text: str) -> bool:
    return all(map(str.isidentifier, text.split(".")))


def _files(folder: Path) -> list[str]:
    """Names of Python files in a folder."""
    return sorted(file.name for file in folder.glob("*.py"))


def _meant(name: str) -> str:
    """``did you mean ...?`` for a name that lacks ``.py`` or the colon; nothing for others."""
    for module, function in (name.rpartition(mark)[::2] for mark in ":."):
        if function.isidentifier() and Path(f"{module}.py").is_file():
            return f"did you mean {module}.py:{function}?"
    return ""


def _import(name: str, module: str) -> ModuleType:
    try:
        return _result(name, lambda: importlib.import_module(module))
    except UserError as error:
        cause = error.__cause__
        missing = cause.name if isinstance(cause, ModuleNotFoundError) else None
        if missing is None or not f"{module}.".startswith(f"{missing}."):
            raise  # it exists, and imports another one that does not
    stems = [Path(file).stem for file in _files(HERE)]
    raise UserError(
        f"--model {name}: no module {missing!r} in this folder, {HERE.resolve()}, or installed; "
        f"a file elsewhere is named path/to/FILE.py:FUNCTION{nearest(missing, stems)}"
    )


def _load_file(name: str, path: Path) -> ModuleType:
    """The module in a file, under a name that no other module has."""
    spec = importlib.util.spec_from_file_location(f"model in {path.name}", path)
    assert spec is not None  # it ends in .py
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # as data classes and pickle need it
    _result(name, lambda: spec.loader.exec_module(module))
    return module


def _function(name: str, loaded: ModuleType, module: str, function: str) -> Callable[[], Any]:
    """The function that makes the model; without its name, the one that the file has."""
    functions = [
        key
        for key, value in vars(loaded).items()
        if inspect.isfunction(value) and value.__module__ == loaded.__name__
    ]
    if not function:
        if len(functions) != 1:
            forms = " or ".join(f"{name}:{key}" for key in functions) or f"{name}:FUNCTION"
            raise UserError(
                f"--model {name}: the file has {counted(len(functions), 'function')}; name one, {forms}"
            )
        function = functions[0]
    make = getattr(loaded, function, None)
    if not callable(make) or isinstance(make, nn.Module):
        kind = type(make).__name__
        what = (
            f"{module} has no {function!r}"
            if make is None
            else f"{function!r} is of the type {kind}"
        )
        hint = nearest(function, functions)
        raise UserError(f"--model {name}: {what}; must be a function that returns the model{hint}")
    return make


def _result(name: str, users: Callable[[], Any]) -> Any:
    """What code of the user's gives.

    Raises:
        UserError: it fails, with the first line of its error, whatever that is.
    """
    try:
        return users()
    except (Exception, SystemExit) as error:
        raise UserError(f"--model {name}: {first_line(error)}") from error

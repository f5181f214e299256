"""This package is compiled from its sources, each read once, so that the code that runs is fingerprinted.

Python itself would run old bytecode for a changed source of the same size and second (``rsync -t``, archives
with fixed times, two edits within a second). It would also import what an editor has saved since a job was
checked. Compiling everything takes some hundredths of a second.
"""

import sys
from collections.abc import Sequence
from functools import cache
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

PACKAGE = Path(__file__).parent


@cache
def source(file: Path) -> bytes:
    """Contents of a source file when this process first read it."""
    return file.read_bytes()


class _FromSource(SourceFileLoader):
    """Compiles a module without reading or writing bytecode."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        code: CodeType = self.source_to_code(source(Path(path)), path)
        return code


class _Finder(MetaPathFinder):
    """Finds this package's modules as Python does, but loads them with ``_FromSource``."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not name.startswith(f"{PACKAGE.name}."):
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and type(spec.loader) is SourceFileLoader:
            spec.loader = _FromSource(name, spec.loader.path)
        return spec


def compile_this_package() -> None:
    """Compile from source all modules of this package that are imported from now on."""
    sys.meta_path.insert(0, _Finder())

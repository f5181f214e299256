"""Jobs run the source that the fingerprint reads, whatever bytecode lies beside it."""

import importlib.util
import os
import py_compile
from importlib.machinery import SourceFileLoader
from pathlib import Path

from taet import losses, source_code


def value_of(loader: SourceFileLoader) -> int:
    names: dict[str, int] = {}
    exec(loader.get_code("module"), names)
    return names["VALUE"]


def test_bytecode_of_another_source_does_not_run(tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text("VALUE = 1\n")
    stat = file.stat()
    py_compile.compile(str(file), cfile=importlib.util.cache_from_source(str(file)))
    file.write_text("VALUE = 2\n")
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert value_of(SourceFileLoader("module", str(file))) == 1, "so Python itself would"
    assert value_of(source_code._FromSource("module", str(file))) == 2


def test_an_edit_while_a_job_starts_is_not_run(tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text("VALUE = 1\n")
    assert source_code.source(file) == b"VALUE = 1\n", "the fingerprint has read it"
    file.write_text("VALUE = 2\n")
    assert value_of(source_code._FromSource("module", str(file))) == 1


def test_the_package_is_compiled_from_source() -> None:
    assert type(losses.__spec__.loader) is source_code._FromSource

"""Runs tests of the scratch copy in forked processes, which need not import the libraries again."""

import contextlib
import importlib
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from multiprocessing import get_context
from typing import Any

import pytest

from tests.mutations.scratch import Scratch

QUICK = " and ".join(
    f"not {marker}"
    for marker in [
        "browser",
        "gpu",
        "remote",
        "slurm",
        "speed",
        "study",
        "saved",
        "headline",
        "faults",
        "docs",
    ]
)
SECONDS = (
    120  # for one change, on a busy machine; a loop without an end is cut, and counts as survived
)
LIBRARIES = (
    *("torch", "torchvision.transforms.v2", "numpy", "scipy.stats", "scipy.optimize", "pandas"),
    *("sklearn.datasets", "sklearn.manifold", "matplotlib.pyplot", "seaborn", "pydantic", "yaml"),
    *("safetensors.torch", "hypothesis", "jinja2", "tqdm", "medmnist", "filelock", "jsonschema"),
)


def prepare() -> None:
    """Import what takes long, and nothing that is under test."""
    os.environ.update(OMP_NUM_THREADS="1", MPLBACKEND="agg", PYTHONDONTWRITEBYTECODE="1")
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    for name in LIBRARIES:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def failing_test(scratch: Scratch, files: Sequence[Sequence[str]]) -> str:
    """The first test that fails, of the files in order; empty where all pass."""
    return forked(scratch, _first_failure, files) or ""


def forked(scratch: Scratch, work: Callable[..., Any], *given: Any, limit: float = SECONDS) -> Any:
    """What ``work`` returns in a process of its own, in the scratch copy; None if it takes too long."""
    context = get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_in_scratch, args=(scratch, sender, work, given))
    process.start()
    sender.close()
    try:
        return receiver.recv() if receiver.poll(limit) else None
    except EOFError:  # the process died
        return None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid or 0, signal.SIGKILL)
        process.join()


def _in_scratch(scratch: Scratch, sender: Any, work: Callable[..., Any], given: Any) -> None:
    os.setsid()
    os.chdir(scratch.path)
    log = os.open(scratch.path.parent / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ["PYTHONPATH"] = str(scratch.path / "src")
    own = ("tests", "taet")
    for name in [name for name in sys.modules if name.split(".")[0] in own]:
        del sys.modules[name]
    sys.path[:0] = [str(scratch.path / "src"), str(scratch.path)]
    importlib.invalidate_caches()
    sender.send(work(scratch, *given))


def run_pytest(scratch: Scratch, *arguments: str, plugin: object) -> int:
    options = ["-q", "-p", "no:cacheprovider", "-o", "addopts=", "-m", QUICK]
    options += ["--basetemp", str(scratch.temporary)]
    options += [
        "-W",
        "ignore::pytest.PytestAssertRewriteWarning",
    ]  # imported before, in ``prepare``
    return int(pytest.main([*options, *arguments], plugins=[plugin]))


def _first_failure(scratch: Scratch, files: Sequence[Sequence[str]]) -> str:
    for tests in files:
        plugin = _Quickest(tests)
        file = tests[0].split("::")[0]
        code = run_pytest(scratch, "-x", file, plugin=plugin)
        if plugin.failed:
            return plugin.failed
        if code not in (0, pytest.ExitCode.NO_TESTS_COLLECTED):
            return file  # cannot even be read
    return ""


class _Quickest:
    """Runs some tests of a file alone, in the order given; remembers the first that fails."""

    def __init__(self, tests: Sequence[str]) -> None:
        self.place = {test: i for i, test in enumerate(tests)}
        self.failed = ""

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if item.nodeid in self.place]
        items.sort(key=lambda item: self.place[item.nodeid])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self.failed:
            self.failed = report.nodeid


def now() -> float:
    return time.perf_counter()

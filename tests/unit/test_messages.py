"""Where memory or the disk of the log does not suffice: the reason is said all the same, in one line."""

import errno
import io
import os
import resource
import subprocess
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from taet import messages
from taet.errors import UserError, is_out_of_memory, memory_message
from taet.messages import complain, descriptor, say
from taet.study.params import plugins
from taet.study.run.progress import Progress
from taet.study.run.runner import _run_stage

UNLOADABLE = "libtorch_cpu.so: failed to map segment from shared object"


class Full(io.StringIO):
    """A file on a disk that is full."""

    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Full())


@pytest.mark.usefixtures("full")
def test_a_full_disk_of_the_log_does_not_end_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("taet.study.run.progress.LOG_INTERVAL", 0)
    say("a line")
    with Progress("training", 2, "epochs") as progress:
        progress.step(2)
    assert progress.done == 2


@pytest.mark.usefixtures("full")
def test_a_full_disk_of_the_log_does_not_hide_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = tmp_path / "terminal"
    with terminal.open("wb") as file:
        monkeypatch.setenv("TAET_ERRORS_FD", str(file.fileno()))
        monkeypatch.setattr(messages, "STARTER", descriptor())
        complain("taet equalize: x: No space left on device")
    assert terminal.read_text() == "taet equalize: x: No space left on device\n"


def test_on_a_terminal_the_reason_replaces_the_live_line(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, terminal = os.openpty()
    monkeypatch.setattr(messages, "STARTER", terminal)
    complain("taet equalize: x: No space left on device")
    assert os.read(seen, 100) == b"\r\x1b[Ktaet equalize: x: No space left on device\r\n"
    os.close(seen)
    os.close(terminal)


@pytest.mark.parametrize("number", ["", "abc", "-1", "999", "9" * 30])
def test_a_descriptor_that_is_none(number: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAET_ERRORS_FD", number)
    assert descriptor() is None


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ImportError(UNLOADABLE), f"not enough memory to load a library \\({UNLOADABLE}\\); raise the limit"),
        (ImportError(f"\n\nIMPORTANT: read this\n\nOriginal error was: {UNLOADABLE}\n"), "not enough memory to load a library \\(Orig"),
        (OSError(12, "Cannot allocate memory"), r"not enough memory \(\[Errno 12\] Cannot allocate memory\)"),
        (MemoryError(), "not enough memory; raise the limit"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried\nmore"), "not enough memory .*you tried\\)"),
    ],
)  # fmt: skip
def test_too_little_memory(error: Exception, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*_: str) -> Any:
        raise error

    monkeypatch.setattr(plugins, "load", load)
    job: Any = SimpleNamespace(title="equalize digits", stage="equalize")
    with pytest.raises(UserError, match=f"^equalize digits: {line}"):
        _run_stage(job)
    assert "\n" not in memory_message(error)


def test_what_else_fails_is_another_error() -> None:
    for error in (ImportError("No module named 'x'"), OSError(28, "No space left on device")):
        assert not is_out_of_memory(error)


def test_too_little_memory_for_the_command_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "taet", "params"],
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        preexec_fn=partial(resource.setrlimit, resource.RLIMIT_AS, (60 << 20, 60 << 20)),
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("taet: not enough memory")

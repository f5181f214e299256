"""One writer at a time."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from taet.errors import UserError
from taet.study.store.locks import alone_with

HOLDER = """
import sys, time
from pathlib import Path
from taet.study.store.locks import alone_with
output = Path(sys.argv[1])
with alone_with(output) as waited:
    output.with_suffix(".busy").mkdir()  # fails where another is at it
    print(waited, flush=True)
    time.sleep(float(sys.argv[2]))
    output.with_suffix(".busy").rmdir()
"""


def holder(output: Path, seconds: float) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(output), str(seconds)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_processes_take_turns(tmp_path: Path) -> None:
    processes = [holder(tmp_path / "x.safetensors", 0.5) for _ in range(3)]
    outputs = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], outputs
    waited = [out.strip() == "True" for out, _ in outputs]
    assert any(waited)
    for was_second, (_, err) in zip(waited, outputs, strict=True):
        assert ("x.safetensors: another process works on it; waiting" in err) == was_second


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    output = tmp_path / "x.safetensors"
    process = holder(output, 60)
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "False"
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=30)
    with alone_with(output) as waited:
        assert not waited


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK])
def test_a_file_system_without_locks_is_refused(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A marker in the place of a lock would stay where its owner's node has failed."""

    def flock(file: int, operation: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(UserError, match="has no locks"), alone_with(tmp_path / "x.safetensors"):
        raise AssertionError("not reached")

"""Servers that tests start on this machine alone, and end by their process ids."""

import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

PATIENCE = 60.0  # seconds for a server to answer on a busy machine


def listens(port: int) -> bool:
    """Whether somebody takes connections on a port of 127.0.0.1."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def start(command: list[str], log: Path) -> subprocess.Popen[bytes]:
    """Start a server that stays in the foreground; what it says is added to ``log``."""
    with log.open("ab") as said:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said)


def wait_until(
    ready: Callable[[], bool], servers: list[subprocess.Popen[bytes]], log: Path
) -> None:
    """Return as soon as ``ready()``.

    Raises:
        RuntimeError: with the log, if a server has ended, or ``PATIENCE`` has.
    """
    end = time.monotonic() + PATIENCE
    while not ready():
        if time.monotonic() > end or any(server.poll() is not None for server in servers):
            raise RuntimeError(f"no server:\n{log.read_text(errors='replace')}")
        time.sleep(0.1)


def stop(servers: list[subprocess.Popen[bytes]]) -> None:
    """End servers at once, as a power cut does."""
    for server in servers:
        server.kill()
    for server in servers:
        server.wait()

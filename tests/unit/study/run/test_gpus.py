"""Processes spread over the GPUs of a machine, and free their slots when they end."""

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

TAKE = """
import sys
from taet.study.run.gpus import claim
print(claim(2), flush=True)
sys.stdin.read()
"""


def start(
    folder: Path, visible: str | None = None, job: str | None = None
) -> "subprocess.Popen[str]":
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "TMPDIR": str(folder)}
    for name in ("CUDA_VISIBLE_DEVICES", "SLURM_JOB_ID"):
        environment.pop(name, None)
    if job is not None:
        environment["SLURM_JOB_ID"] = job
    if visible is not None:
        environment["CUDA_VISIBLE_DEVICES"] = visible
    return subprocess.Popen(
        [sys.executable, "-c", TAKE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )


def taken(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_spread_and_leave(tmp_path: Path) -> None:
    started = []
    try:
        for expected in ("0", "1", "0"):
            started.append(start(tmp_path))
            assert taken(started[-1]) == expected
        started[1].kill()
        started[1].wait()
        started.append(start(tmp_path))
        assert taken(started[-1]) == "1", "a slot is free again, however its owner ended"
    finally:
        for process in started:
            process.kill()
            process.communicate()


def test_other_visible_gpus_are_other_places(tmp_path: Path) -> None:
    first, second = start(tmp_path, "2,3"), None
    try:
        assert taken(first) == "0"
        second = start(tmp_path, "3,2")
        assert taken(second) == "0", "GPU 3, which is free"
        third = start(tmp_path, "2,3")
        assert taken(third) == "0", "both have one"
    finally:
        for process in (first, second, third):
            if process is not None:
                process.kill()
                process.communicate()


def test_jobs_of_a_cluster_count_their_own_gpus(tmp_path: Path) -> None:
    """GPU 0 of one job of SLURM is another than GPU 0 of the next."""
    started = [start(tmp_path, job=job) for job in ("7", "8", "7")]
    try:
        assert [taken(process) for process in started].count("0") == 2
    finally:
        for process in started:
            process.kill()
            process.communicate()

"""Which of several GPUs a process works on: the one on which fewest others do.

A cluster shows each job the GPUs that it may use, and each job counts its own from 0. On one machine without
a scheduler all jobs see all GPUs, and would all take the first.
"""

import itertools
import os
import tempfile
from functools import cache
from pathlib import Path

from filelock import FileLock, Timeout

_HELD: list[FileLock] = []  # a lock goes with the process, however it ends


@cache
def take(count: int) -> int:
    """Take a place on one of ``count`` visible GPUs, for as long as this process lives.

    Places are files that all processes of a user on a machine see, or all of one job of SLURM.
    """
    whose = (str(os.getuid()), os.environ.get("SLURM_JOB_ID"))
    folder = Path(tempfile.gettempdir(), "-".join(["taet-gpus", *filter(None, whose)]))
    folder.mkdir(parents=True, exist_ok=True)
    shown = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = shown.split(",") if shown else [str(number) for number in range(count)]
    for place in itertools.count():
        for number, name in enumerate(names[:count]):
            lock = FileLock(folder / f"{name}.{place}.lock")
            try:
                lock.acquire(blocking=False)
            except Timeout:
                continue
            _HELD.append(lock)
            return number
    raise AssertionError("there is always another place")

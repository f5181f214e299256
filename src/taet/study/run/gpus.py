"""Which of several GPUs a process works on: the one with the fewest of our processes.

A cluster shows each job only the GPUs that it may use, numbered from 0. On one machine without a scheduler
all jobs see all GPUs, and would all take the first.
"""

import itertools
import os
import tempfile
from functools import cache
from pathlib import Path

from filelock import FileLock, Timeout

_HELD: list[FileLock] = []  # a lock ends with the process, however that ends


@cache
def claim(count: int) -> int:
    """Take a slot on one of ``count`` visible GPUs, for as long as this process lives; the GPU's number.

    A slot is a locked file. All processes of a user on one machine share these files, or all of one SLURM
    job.
    """
    owner = (str(os.getuid()), os.environ.get("SLURM_JOB_ID"))
    folder = Path(tempfile.gettempdir(), "-".join(["taet-gpus", *filter(None, owner)]))
    folder.mkdir(parents=True, exist_ok=True)
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = visible.split(",") if visible else [str(number) for number in range(count)]
    for slot in itertools.count():
        for number, name in enumerate(names[:count]):
            lock = FileLock(folder / f"{name}.{slot}.lock")
            try:
                lock.acquire(blocking=False)
            except Timeout:
                continue
            _HELD.append(lock)
            return number
    raise AssertionError("there is always another slot")

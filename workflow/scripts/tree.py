"""The folder in which Snakemake works: whose code runs there, and who may write to it."""

import fcntl
import gc
import os
import shutil
import sys
import time
from pathlib import Path

PATIENCE = 5  # seconds; listings and lints hold the folder for less


def enter(root):
    """Put the tree's package and this Python first, for this process and for its jobs."""
    # A plan is many small objects that live to the end: collecting garbage among them again and again takes
    # a sixth of the planning time of a large grid (benchmarks/planning.py).
    gc.set_threshold(1_000_000, 50, 50)
    source = str(Path(root, "src"))
    sys.path.insert(0, source)
    _prepend("PYTHONPATH", source)
    _prepend("PATH", str(Path(sys.executable).parent))


def take_over():
    """Remove the lock of a killed Snakemake, so that the same command goes on.

    Snakemake's own lock does not tell whether its owner is alive. Ours is a lock on an open file, which the
    kernel releases when the process ends, however that ends: the process that gets it is the only Snakemake
    in this folder. A process that does not get it changes nothing, and Snakemake's own lock decides as
    always.

    Returns:
        Whether this process is known to be the only Snakemake here.
    """
    state = Path(".snakemake")
    try:
        state.mkdir(exist_ok=True)
        lock = os.open(state / "taet.lock", os.O_CREAT | os.O_RDWR)
    except OSError:  # nothing can be written here, which Snakemake will report itself
        return False
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)
        except OSError:  # a file system without locks
            return False
        else:
            break
    shutil.rmtree(state / "locks", ignore_errors=True)
    return True


def _prepend(variable, folder):
    folders = os.environ.get(variable, "").split(os.pathsep)
    if folders[0] != folder:
        os.environ[variable] = os.pathsep.join([folder, *filter(None, folders)])

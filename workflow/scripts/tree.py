"""Make jobs run the code of this tree, whatever shell or folder Snakemake was started from."""

import gc
import os
import sys
from pathlib import Path


def enter(root):
    """Put the tree's package and this Python first, for this process and for its jobs."""
    # A plan is many small objects that live to the end: looking for garbage among them again and
    # again takes a sixth of the planning time of a large grid (benchmarks/planning.py).
    gc.set_threshold(1_000_000, 50, 50)
    source = str(Path(root, "src"))
    sys.path.insert(0, source)
    _prepend("PYTHONPATH", source)
    _prepend("PATH", str(Path(sys.executable).parent))


def _prepend(variable, folder):
    folders = os.environ.get(variable, "").split(os.pathsep)
    if folders[0] != folder:
        os.environ[variable] = os.pathsep.join([folder, *filter(None, folders)])

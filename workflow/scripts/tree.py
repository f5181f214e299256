"""Make jobs run the code of this tree, whatever shell or folder Snakemake was started from."""

import os
import sys
from pathlib import Path


def enter(root):
    """Put the tree's package and the Python that runs Snakemake first, for this process and its jobs."""
    source = str(Path(root, "src"))
    sys.path.insert(0, source)
    _prepend("PYTHONPATH", source)
    _prepend("PATH", str(Path(sys.executable).parent))


def _prepend(variable, folder):
    folders = os.environ.get(variable, "").split(os.pathsep)
    if folders[0] != folder:
        os.environ[variable] = os.pathsep.join([folder, *filter(None, folders)])

"""Jobs that a killed Snakemake has left in the queue of a cluster."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

# The executor for SLURM names all jobs after its run.
RUN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")


def cancel_waiting():
    """Cancel those of this folder that have not begun; does nothing where there is no SLURM.

    For whoever knows that no other Snakemake works here, and will send them again. Left alone, one could
    begin when its successor has ended, and would delete what that has made while others read it. Those
    that run go on: their successors wait for them (taet.study.store.locks).
    """
    if shutil.which("squeue") is None:
        return
    here = str(Path.cwd())
    try:
        said = _ask("squeue", "--me", "--noheader", "--states=PENDING", "--format=%i\t%j\t%Z")
        rows = [line.split("\t") for line in said.splitlines()]
        waiting = [job for job, name, folder in rows if folder == here and RUN.search(name)]
        if waiting:
            _ask("scancel", "--state=PENDING", *waiting)
            print(
                f"cancelled {len(waiting)} waiting jobs of a Snakemake that is no more",
                file=sys.stderr,
            )
    except (OSError, subprocess.SubprocessError) as error:
        print(
            f"cannot ask SLURM for waiting jobs of a Snakemake that is no more ({_reason(error)}); if one "
            "was killed in this folder, look with: squeue --me",
            file=sys.stderr,
        )


def _ask(*command):
    """What a command of SLURM prints."""
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


def _reason(error):
    said = (getattr(error, "stderr", None) or "").strip() or str(error)
    return said.splitlines()[-1]

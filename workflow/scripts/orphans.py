"""Jobs that a killed Snakemake has left in a cluster's queue."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

# Snakemake's SLURM executor names all jobs after its run.
RUN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")


def cancel_waiting():
    """Cancel those of this folder that have not begun; without SLURM, do nothing.

    To be called only if no other Snakemake works in this folder; the caller submits these jobs again. A job
    that is left alone could begin after its successor has ended, and would delete the successor's output
    while others read it. Running jobs go on: their successors wait for them (taet.study.store.locks).
    """
    if shutil.which("squeue") is None:
        return
    here = str(Path.cwd())
    try:
        queue = _run("squeue", "--me", "--noheader", "--states=PENDING", "--format=%i\t%j\t%Z")
        rows = [line.split("\t") for line in queue.splitlines()]
        waiting = [job for job, name, folder in rows if folder == here and RUN.search(name)]
        if waiting:
            _run("scancel", "--state=PENDING", *waiting)
            print(f"cancelled {len(waiting)} waiting jobs of a killed Snakemake", file=sys.stderr)
    except (OSError, subprocess.SubprocessError) as error:
        print(
            f"cannot ask SLURM for waiting jobs of a killed Snakemake ({_reason(error)}); if one was killed "
            "in this folder, list them with: squeue --me",
            file=sys.stderr,
        )


def _run(*command):
    """Output of a SLURM command."""
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


def _reason(error):
    message = (getattr(error, "stderr", None) or "").strip() or str(error)
    return message.splitlines()[-1]

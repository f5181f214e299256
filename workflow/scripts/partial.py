"""Carry a study that takes days from machine to machine: the finished jobs of it, without weights, in git.

    python workflow/scripts/partial.py keep STUDY       copy results/STUDY to results/partial/STUDY
    python workflow/scripts/partial.py restore STUDY    copy it back, in a checkout of the same revision

Predictions, records and the headers of networks (costs, curves) are saved; of weights, only their number of
bytes, since no score reads them. ``restore`` fills them with zeros: reading such a network is refused, for
its digest differs. Jobs that read weights (``inspect``, saved networks) need the trainings of the grid's
first seed, which are not saved, but made in the run that ends the study.
"""

import shutil
import struct
import sys
from pathlib import Path

from taet.errors import UserError
from taet.study.params.load import load_params
from taet.study.plan.study import Study
from taet.study.run import runner
from taet.study.store.records import record_path

RESULTS, PARTIAL = Path("results"), Path("results/partial")
NETWORKS = ("stabilize", "equalize")
HEADER = ".header"  # in place of .safetensors: the start of the file, and the size of the whole


def keep(study):
    """Copy every current output but those of the first seed."""
    target = PARTIAL / study.params.study
    shutil.rmtree(target, ignore_errors=True)
    for stage in (*NETWORKS, "attack"):
        for job in study.jobs(stage):
            if job.cell["seed"] == study.params.grid.seeds[0] or not runner.is_current(job):
                continue
            copy = PARTIAL / job.output.relative_to(RESULTS)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(record_path(job.output), record_path(copy))
            if stage in NETWORKS:
                copy.with_suffix(HEADER).write_bytes(_header(job.output))
            else:
                shutil.copyfile(job.output, copy)


def _header(network):
    """The size of the file, then its header."""
    with network.open("rb") as file:
        start = file.read(8)
        return (
            struct.pack("<Q", network.stat().st_size)
            + start
            + file.read(*struct.unpack("<Q", start))
        )


def restore(study):
    """Copy what is saved to the results, where nothing is yet."""
    for copy in sorted((PARTIAL / study.params.study).rglob("*.*")):
        output = RESULTS / copy.relative_to(PARTIAL)
        if copy.suffix == HEADER:
            output = output.with_suffix(".safetensors")
        if output.exists():
            continue
        output.parent.mkdir(parents=True, exist_ok=True)
        if copy.suffix == HEADER:
            data = copy.read_bytes()
            output.write_bytes(data[8:].ljust(*struct.unpack("<Q", data[:8]), b"\0"))
        else:
            shutil.copyfile(copy, output)


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in ("keep", "restore"):
        sys.exit("partial: python workflow/scripts/partial.py keep|restore STUDY")
    try:
        {"keep": keep, "restore": restore}[sys.argv[1]](Study(load_params(study=sys.argv[2])))
    except UserError as error:
        sys.exit(f"partial: {error}")

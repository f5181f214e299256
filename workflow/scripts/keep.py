"""Keep the small results of a study in git: results/reference/STUDY.

    python workflow/scripts/keep.py STUDY

Copies metrics.csv, tables and figures, which must be those of the parameters and the code, and the record
of every job that made them. No weights, no predictions: those are DVC's.
"""

import shutil
import sys
from pathlib import Path

from taet import grid, params, records, runner
from taet.errors import UserError
from taet.jobs import STAGES

SMALL = ("score", "tables", "figures")
KEPT_FORMATS = {
    ".csv",
    ".json",
    ".md",
    ".tex",
    ".png",
}  # figures once, in the format that opens everywhere


def keep(study, target):
    """Copy what is small; everything of the study must be there and current."""
    everything = [job for stage in STAGES for job in study.jobs(stage)]
    for job in everything:
        if not runner.is_current(job):
            raise UserError(f"{job.output}: missing or stale; run the study first")
    shutil.rmtree(target, ignore_errors=True)
    for job in everything:
        record = records.record_path(job.output)
        _copy(record, target / "records" / record)
        if job.stage in SMALL:
            for file in (job.output, *(f for f in job.files if f.suffix in KEPT_FORMATS)):
                _copy(file, target / file.relative_to(f"results/{study.params.study}"))


def _copy(file, place):
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, place)


if __name__ == "__main__":
    name = sys.argv[1] if len(sys.argv) == 2 else None
    try:
        chosen = grid.Study(params.load(study=name))
        keep(chosen, Path("results/reference", chosen.params.study))
    except UserError as error:
        sys.exit(f"keep: {error}")

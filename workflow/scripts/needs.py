"""What the jobs of a study have used, rule by rule, and what to ask a cluster for.

    python workflow/scripts/needs.py STUDY

Reads Snakemake's benchmark files; prints a table and lines for `set-resources` of profiles/slurm: twice the
largest memory and time seen.
"""

import csv
import math
import sys
from pathlib import Path

from taet import params
from taet.errors import UserError

RULES = {
    "subsample": "subsample_cell",
    "stabilize": "stabilize_cell",
    "equalize": "equalize_cell",
    "attack": "attack_cell",
    "score": "score",
    "inspect": "inspect",
    "tables": "tables",
    "figures": "figures",
}
MARGIN = 2


def used(folder, stage):
    """Seconds and MiB of every job of a stage."""
    files = [*folder.glob(f"{stage}.tsv"), *folder.glob(f"{stage}/**/*.tsv")]
    for file in files:
        for row in csv.DictReader(file.read_text().splitlines(), delimiter="\t"):
            # A job that is over before Snakemake looks has no memory.
            yield float(row["s"]), float(row["max_rss"].replace("NA", "0").replace("-", "0"))


def needs(study):
    """Of each rule that has run: jobs, longest in seconds, largest in MiB."""
    folder = Path("results", study, "benchmarks")
    rows = {}
    for stage, rule in RULES.items():
        if jobs := list(used(folder, stage)):
            rows[rule] = (len(jobs), max(s for s, _ in jobs), max(m for _, m in jobs))
    if not rows:
        raise UserError(f"{folder}: nothing there; run the study, or a smaller one like it, first")
    return rows


def main():
    """Print the table and the lines."""
    study = params.load(study=sys.argv[1] if len(sys.argv) > 1 else None).study
    rows = needs(study)
    print(f"{'rule':16} {'jobs':>5} {'longest, s':>11} {'largest, MiB':>13}")
    for rule, (jobs, seconds, memory) in rows.items():
        print(f"{rule:16} {jobs:5} {seconds:11.1f} {memory:13.0f}")
    print("\nset-resources:")
    for rule, (_, seconds, memory) in rows.items():
        megabytes = max(500, 100 * math.ceil(MARGIN * memory * 1.048576 / 100))
        minutes = max(5, math.ceil(MARGIN * seconds / 60))
        print(f"  {rule}: {{mem_mb: {megabytes} * attempt, runtime: {minutes} * attempt}}")


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(f"needs: {error}")

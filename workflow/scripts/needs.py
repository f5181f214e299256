"""The time and memory that a study's jobs have used, rule by rule, and what to request from a cluster.

    python workflow/scripts/needs.py STUDY

Reads Snakemake's benchmark files; prints a table, and lines for `set-resources` of profiles/slurm with twice
the largest time and memory. The time of a job that waited for one of a killed Snakemake includes the waiting.
"""

import csv
import math
import sys
from pathlib import Path

from taet.errors import UserError
from taet.study.params.load import load_params

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
    """Seconds and MiB of every job of a stage; nan where the job ended before Snakemake measured it."""
    files = [*folder.glob(f"{stage}.tsv"), *folder.glob(f"{stage}/**/*.tsv")]
    for file in files:
        for row in csv.DictReader(file.read_text().splitlines(), delimiter="\t"):
            yield _number(row["s"]), _number(row["max_rss"])


def _number(text):
    return math.nan if text in ("NA", "-") else float(text)


def _largest(values):
    """The largest that was measured, nan if none was."""
    return max((value for value in values if not math.isnan(value)), default=math.nan)


def needs(study):
    """By rule that has run: number of jobs, longest time in seconds, largest memory in MiB."""
    folder = Path("results", study, "benchmarks")
    rows = {}
    for stage, rule in RULES.items():
        if jobs := list(used(folder, stage)):
            rows[rule] = (len(jobs), *map(_largest, zip(*jobs, strict=True)))
    if not rows:
        raise UserError(
            f"{folder}: has no benchmark files; run the study, or a smaller one like it, first"
        )
    return rows


def main():
    """Print the table and the lines."""
    study = load_params(study=sys.argv[1] if len(sys.argv) > 1 else None).study
    rows = needs(study)
    print(f"{'rule':16} {'jobs':>5} {'longest, s':>11} {'largest, MiB':>13}")
    for rule, (jobs, seconds, memory) in rows.items():
        print(f"{rule:16} {jobs:5} {seconds:11.1f} {memory:13.0f}")
    print("\nset-resources:")
    for rule, (_, seconds, memory) in rows.items():
        if math.isnan(seconds + memory):
            print(
                f"  # {rule}: its jobs ended before they were measured; keep what the profile has"
            )
            continue
        megabytes = max(500, 100 * math.ceil(MARGIN * memory * 1.048576 / 100))
        minutes = max(5, math.ceil(MARGIN * seconds / 60))
        print(f"  {rule}: {{mem_mb: {megabytes} * attempt, runtime: {minutes} * attempt}}")


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(f"needs: {error}")

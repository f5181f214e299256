"""Keep the small results of a study in git: results/reference/STUDY.

    python workflow/scripts/keep.py STUDY

Copies what the stages score, inspect, tables and figures made, which must be of the parameters and the code
as they are, and the record of every job behind it. No weights, no predictions: those are DVC's.
"""

import json
import shutil
import sys
from datetime import datetime, timedelta

from taet import grid, params, records, runner
from taet.errors import UserError
from taet.jobs import STAGES

SMALL = ("score", "inspect", "tables", "figures")
KEPT_FORMATS = {
    ".csv",
    ".json",
    ".md",
    ".tex",
    ".png",
    ".safetensors",
}  # figures once, in the format that opens everywhere


def keep(study, target):
    """Copy what is small; everything of the study must be there and current."""
    everything = [job for stage in STAGES for job in study.jobs(stage)]
    for job in everything:
        if not runner.is_current(job):
            raise UserError(f"{job.output}: missing or stale; run the study first")
        if records.read_record(job.output, job.key) is None:
            raise UserError(
                f"{job.output}: has no record of its making; delete it and run the study"
            )
    shutil.rmtree(target, ignore_errors=True)
    for job in everything:
        record = records.record_path(job.output)
        _copy(record, target / "records" / record)
        if job.stage in SMALL:
            for file in (job.output, *(f for f in job.files if f.suffix in KEPT_FORMATS)):
                _copy(file, target / file.relative_to(f"results/{study.params.study}"))

    (target / "about.md").write_text(about(target))


def about(target):
    """What the records say of the whole study: which code made it, when, on what, and what it cost."""
    records = [json.loads(file.read_text()) for file in sorted(target.rglob("*.record.json"))]
    starts = [datetime.fromisoformat(record["started"]) for record in records]
    ends = [s + timedelta(seconds=r["wall_seconds"]) for s, r in zip(starts, records, strict=True)]
    stages = {}
    for record in records:
        stage = stages.setdefault(record["job"].split()[0], [0, 0.0, 0])
        stage[0] += 1
        stage[1] += record["cpu_seconds"]
        stage[2] = max(stage[2], record["peak_memory_mib"])
    rows = [f"| {name} | {n} | {cpu:.0f} | {peak} |" for name, (n, cpu, peak) in stages.items()]
    machines = sorted({_machine(record) for record in records})
    return "\n".join(
        [
            f"# {target.name}",
            "",
            "Written by `workflow/scripts/keep.py` from the records of the jobs.",
            "",
            f"- code: {', '.join(sorted({str(r['code']['revision']) for r in records}))}",
            f"- from {min(starts):%Y-%m-%d %H:%M} to {max(ends):%H:%M} UTC, "
            f"{(max(ends) - min(starts)).total_seconds() / 60:.0f} minutes, other work beside it included",
            f"- processor time of all jobs: {sum(r['cpu_seconds'] for r in records) / 60:.0f} minutes",
            f"- {'machine' if len(machines) == 1 else 'machines'}: {'; '.join(machines)}",
            "",
            "| stage | jobs | processor seconds | peak memory of a job, MiB |",
            "| --- | ---: | ---: | ---: |",
            *rows,
            "",
        ]
    )


def _machine(record):
    """Where a job ran: the processor, and the GPU if networks were trained or attacked on one."""
    machine, device = record["machine"], record.get("device", "cpu")
    gpu = "" if device.startswith("cpu") else f", {device}"
    torch = record["versions"]["torch"]
    return f"{machine['processor']}, {machine['cpu_count']} cores{gpu}, torch {torch}"


def _copy(file, place):
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, place)


if __name__ == "__main__":
    name = sys.argv[1] if len(sys.argv) == 2 else None
    try:
        chosen = grid.Study(params.load(study=name))
        keep(chosen, grid.REFERENCE / chosen.params.study)
    except UserError as error:
        sys.exit(f"keep: {error}")

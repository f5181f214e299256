"""Keep the small results of a study in git: results/reference/STUDY.

    python workflow/scripts/keep.py STUDY            a study that was run
    python workflow/scripts/keep.py STUDY --drawn    tables and figures alone, drawn from what is kept

Copies what the stages score, inspect, tables and figures made, which must be of the parameters and the code
as they are, and the record of every job behind it. No weights, no predictions: those are DVC's.
"""

import json
import shutil
import sys
from datetime import datetime, timedelta

from taet.errors import UserError
from taet.report.page import DRAWN
from taet.study.params.load import load_params
from taet.study.plan.saved import REFERENCE, SavedStudy
from taet.study.plan.stages import STAGES
from taet.study.plan.study import Study
from taet.study.run import runner
from taet.study.store import records

SMALL = ("score", "inspect", *DRAWN)
KEPT_FORMATS = {
    ".csv",
    ".json",
    ".md",
    ".tex",
    ".png",
    ".safetensors",
}  # figures once, in the format that opens everywhere


def keep(study, target):
    """Copy what is small; everything of the study must be there and current.

    What was kept before is replaced at the end, all at once.
    """
    name = study.params.study
    stages, command = STAGES, f"snakemake --cores 4 all --config study={name}"
    if study.saved:  # whether the parameters are those of the kept numbers, planning has seen
        stages, command = DRAWN, f"python -m taet redraw --study {name}"
    everything = [job for stage in stages for job in study.jobs(stage)]
    for job in everything:
        _check(job, command)
    new = target.with_name(f".{target.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    if study.saved:
        shutil.copytree(target, new, ignore=shutil.ignore_patterns(*DRAWN))
    for job in everything:
        record = records.record_path(job.output)
        _copy(record, new / "records" / record)
        if job.stage in SMALL:
            for file in (job.output, *(f for f in job.files if f.suffix in KEPT_FORMATS)):
                _copy(file, new / file.relative_to(f"results/{name}"))
    (new / "about.md").write_text(about(new, name), encoding="utf-8")
    shutil.rmtree(target, ignore_errors=True)
    new.rename(target)


def _check(job, command):
    """Refuse what is not there as it should be."""
    if not runner.is_current(job):
        raise UserError(f"{job.output}: missing or stale; run first: {command}")
    if records.read_record(job.output, job.key) is None:
        raise UserError(f"{job.output}: has no record of its making; delete it and run the study")


def about(kept, name):
    """What the records say of the whole study: which code made it, when, on what, and what it cost."""
    found = [json.loads(file.read_text()) for file in sorted(kept.rglob("*.record.json"))]
    # All studies share the download, and what is kept may be drawn again long after.
    own = [record for record in found if record["job"].split()[0] not in ("download", *DRAWN)]
    starts = [datetime.fromisoformat(record["started"]) for record in own]
    ends = [s + timedelta(seconds=r["wall_seconds"]) for s, r in zip(starts, own, strict=True)]
    resumed = [r for r in found if r.get("resumed") or r.get("resumed_at_epoch") is not None]
    partly = [
        f"- {len(resumed)} of these jobs went on after an interruption: only their last part is counted"
    ]
    stages = {stage: [r for r in found if r["job"].split()[0] == stage] for stage in STAGES}
    revisions = sorted({str(record["code"]["revision"]) for record in found})
    changed = [
        "- -dirty: files of the checkout differed from that revision; which code made an artifact, its "
        "record says by the fingerprint"
    ]
    machines = sorted({_machine(record) for record in found})
    return "\n".join(
        [
            f"# {name}",
            "",
            "Written by `workflow/scripts/keep.py` from the records of the jobs.",
            "",
            f"- code: {', '.join(revisions)}",
            *(changed if any(revision.endswith("-dirty") for revision in revisions) else []),
            f"- from {min(starts):%Y-%m-%d %H:%M} to {max(ends):%Y-%m-%d %H:%M} UTC, "
            f"{(max(ends) - min(starts)).total_seconds() / 60:.0f} minutes, other work beside it included",
            f"- processor time of all jobs: {sum(r['cpu_seconds'] for r in found) / 60:.0f} minutes",
            *(partly if resumed else []),
            f"- {'machine' if len(machines) == 1 else 'machines'}: {'; '.join(machines)}",
            "",
            "| stage | jobs | processor seconds | peak memory of a job, MiB | on the GPU, MiB |",
            "| --- | ---: | ---: | ---: | ---: |",
            *(_row(stage, jobs) for stage, jobs in stages.items() if jobs),
            "",
        ]
    )


def _row(stage, jobs):
    seconds = sum(job["cpu_seconds"] for job in jobs)
    memory = max(job["peak_memory_mib"] for job in jobs)
    gpu = max(job.get("gpu_peak_memory_mib", 0) for job in jobs)
    return f"| {stage} | {len(jobs)} | {seconds:.0f} | {memory} | {gpu or '-'} |"


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
    names = [word for word in sys.argv[1:] if word != "--drawn"]
    if len(names) != 1:
        sys.exit("keep: name one study: python workflow/scripts/keep.py STUDY [--drawn]")
    try:
        chosen = (SavedStudy if "--drawn" in sys.argv else Study)(load_params(study=names[0]))
        keep(chosen, REFERENCE / chosen.params.study)
    except UserError as error:
        sys.exit(f"keep: {error}")

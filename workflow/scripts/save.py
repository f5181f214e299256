"""Save the small results of a study in git: results/reference/STUDY; see taet.study.plan.saved.

    python workflow/scripts/save.py STUDY            a study that was run
    python workflow/scripts/save.py STUDY --drawn    tables and figures alone, drawn from what is saved

All results must be those of the parameters and the code as they are now. Of networks, the last checkpoints of
the grid's first seed are saved, if small enough for git. DVC stores the others and all predictions; ``taet
redraw`` draws the figures again.
"""

import shutil
import sys
from datetime import datetime, timedelta

from taet.errors import UserError
from taet.networks.network import LAST
from taet.report.typeset import NONE
from taet.study.params.load import load_params
from taet.study.plan import saved
from taet.study.plan.stages import DRAWN, STAGES
from taet.study.plan.study import Study
from taet.study.run import runner
from taet.study.store import artifacts, records


def save(study, target):
    """Save what is small; all outputs of the study must exist and be current.

    Results that were saved before are replaced at the end, all at once.
    """
    name = study.params.study
    stages, command = STAGES, f"snakemake --cores 4 all --config study={name}"
    drawn = isinstance(study, saved.SavedStudy)
    if drawn:  # planning has checked that its saved numbers are of these parameters
        stages, command = DRAWN, f"python -m taet redraw --study {name}"
    jobs = [job for stage in stages for job in study.jobs(stage)]
    made = {str(study.output_of_run(job.stage, job.cell)): _record(job, command) for job in jobs}
    new = target.with_name(f".{target.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    if drawn:
        shutil.copytree(target, new, ignore=shutil.ignore_patterns(*DRAWN))
        made = saved.read_records(target) | made
    for job in jobs:
        if job.stage in saved.SAVED:
            _save(new / job.stage, job.key, job.files)
        elif job.stage == "tables":
            _copy([job.output, *job.files], new / job.stage)
        elif job.stage == "figures":
            _copy([job.output], new / job.stage)
    if not drawn:
        save_networks(study, new / saved.NETWORKS)
    saved.write_records(new, made)
    (new / saved.ABOUT).write_text(about(list(made.values()), name), encoding="utf-8")
    shutil.rmtree(target, ignore_errors=True)
    new.rename(target)


def _save(folder, key, files):
    folder.mkdir(parents=True)
    for file in files:
        (folder / saved.saved_name(file.name)).write_bytes(saved.pack(file))
    artifacts.write_manifest(folder, key, [saved.saved_name(file.name) for file in files])


def save_networks(study, folder):
    """The last weights of each small network of the first seed, as they were attacked: in float32."""
    first = study.params.grid.seeds[0]
    for job in study.jobs("equalize"):
        if job.cell["seed"] != first:
            continue
        arrays, facts = artifacts.read_arrays(job.output, job.key)
        last = {name: value for name, value in arrays.items() if name.startswith(f"{LAST}/")}
        if sum(value.nbytes for value in last.values()) <= saved.LARGEST_NETWORK:
            checkpoints = {LAST: facts["checkpoints"][LAST]}
            artifacts.write_arrays(
                folder / saved.network_file(job.cell),
                last,
                job.key,
                network=facts["network"],
                checkpoints=checkpoints,
            )
    if folder.exists():
        files = [file.name for file in folder.iterdir()]
        artifacts.write_manifest(folder, study.job("score").key, files)


def _copy(files, folder):
    folder.mkdir(parents=True)
    for file in files:
        shutil.copyfile(file, folder / file.name)


def _record(job, command):
    """The record of a job, whose output must be current."""
    if not runner.is_current(job):
        raise UserError(f"{job.output}: missing or stale; run first: {command}")
    record = records.read_record(job.output, job.key)
    if record is None:
        raise UserError(f"{job.output}: has no record of its making; delete it and run the study")
    return record


def about(made, name):
    """The text of about.md: which code made the study, when, on which machine, and at what cost.

    Args:
        made: the records of all jobs.
        name: that of the study.
    """
    # All studies share the download, and figures may be drawn again long after.
    own = [record for record in made if record["job"].split()[0] not in ("download", *DRAWN)]
    starts = [datetime.fromisoformat(record["started"]) for record in own]
    ends = [s + timedelta(seconds=r["wall_seconds"]) for s, r in zip(starts, own, strict=True)]
    resumed = [r for r in made if r.get("resumed") or r.get("resumed_at_epoch") is not None]
    partly = [f"- interrupted and resumed jobs: {len(resumed)}; only their last part is counted"]
    stages = {stage: [r for r in made if r["job"].split()[0] == stage] for stage in STAGES}
    revisions = sorted({str(record["code"]["revision"]) for record in made})
    changed = [
        "- -dirty: the checkout differed from that revision; the fingerprint in a record identifies the code"
    ]
    machines = sorted({_machine(record) for record in made})
    return "\n".join(
        [
            f"# {name}",
            "",
            "Written by `workflow/scripts/save.py` from the records of the jobs.",
            "",
            f"- code: {', '.join(revisions)}",
            *(changed if any(revision.endswith("-dirty") for revision in revisions) else []),
            f"- from {min(starts):%Y-%m-%d %H:%M} to {max(ends):%Y-%m-%d %H:%M} UTC, "
            f"{(max(ends) - min(starts)).total_seconds() / 60:.0f} minutes; the machine also did other work",
            f"- processor time of all jobs: {sum(r['cpu_seconds'] for r in made) / 60:.0f} minutes",
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
    return (
        f"| {stage} | {len(jobs)} | {seconds:,.0f} | {memory:,} | {f'{gpu:,}' if gpu else NONE} |"
    )


def _machine(record):
    """The machine of a job: its processor, and its GPU if the job used one."""
    machine, device = record["machine"], record.get("device", "cpu")
    gpu = "" if device.startswith("cpu") else f", {device}"
    torch = record["versions"]["torch"]
    return f"{machine['processor']}, {machine['cpu_count']} cores{gpu}, torch {torch}"


if __name__ == "__main__":
    names = [word for word in sys.argv[1:] if word != "--drawn"]
    if len(names) != 1:
        sys.exit("save: name one study: python workflow/scripts/save.py STUDY [--drawn]")
    try:
        chosen = (saved.SavedStudy if "--drawn" in sys.argv else Study)(load_params(study=names[0]))
        save(chosen, saved.REFERENCE / chosen.params.study)
    except UserError as error:
        sys.exit(f"save: {error}")

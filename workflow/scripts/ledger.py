"""Snakemake's own records as one file that can travel with the results.

Snakemake decides from ``.snakemake/metadata`` what is up to date. That folder is lost in a clone,
cannot be versioned (clock times) and goes stale when another version of the results is checked out.
The ledger is the same knowledge for one study: sorted, without clock times, one line per output.

    python workflow/scripts/ledger.py STUDY     write provenance/STUDY.jsonl
"""

import hashlib
import json
import sys
from base64 import urlsafe_b64encode
from pathlib import Path

from taet import artifacts, grid, jobs, params, records, runner
from taet.errors import UserError

STATE = Path(".snakemake")
RECORDS, INCOMPLETE = STATE / "metadata", STATE / "incomplete"
# Differs between two runs that do the same work.
CLOCKS = {"starttime": 0, "endtime": 0, "job_hash": 0, "external_jobid": None}
# The whole text of environment.yml, in every record; no result depends on it here.
CLOCKS["conda_env"] = None
NAME_LIMIT = 254  # longer record names are cut into folders, each but the last marked with @


def record_path(folder, output):
    """Where Snakemake (FilePersistence, since version 5) keeps what it knows of an output."""
    name = urlsafe_b64encode(str(output).encode()).decode()
    pieces = [name[i : i + NAME_LIMIT] for i in range(0, len(name), NAME_LIMIT)]
    return folder.joinpath(*(f"@{piece}" for piece in pieces[:-1]), pieces[-1])


def all_jobs(study):
    """Every job of the study's grid."""
    for stage in jobs.STAGES:
        yield from study.jobs(stage)


def save(ledger, study):
    """Write the ledger of a study."""
    lines = []
    for job in all_jobs(study):
        for file in (job.output, *job.files):
            record = record_path(RECORDS, file)
            if record.exists():
                facts = json.loads(record.read_text()) | CLOCKS
                lines.append(json.dumps({"output": str(file), **facts}, sort_keys=True))
    artifacts.write_bytes(ledger, ("\n".join(sorted(lines)) + "\n").encode())
    _stamp(ledger).parent.mkdir(exist_ok=True)
    _stamp(ledger).write_text(_digest(ledger))


def restore(ledger, study):
    """Before planning: take over a ledger that is new here, and see which outputs can be believed."""
    if ledger.exists() and (
        not _stamp(ledger).exists() or _stamp(ledger).read_text() != _digest(ledger)
    ):
        made_by = {str(f): job for job in all_jobs(study) for f in (job.output, *job.files)}
        for facts in _lines(ledger):
            file = facts.pop("output")
            if file in made_by and _speaks_of(facts, made_by[file].output):
                record = record_path(RECORDS, file)
                record.parent.mkdir(parents=True, exist_ok=True)
                record.write_text(json.dumps(facts))
        INCOMPLETE.mkdir(exist_ok=True)  # else Snakemake takes the folder for one of version 1
        _stamp(ledger).write_text(_digest(ledger))
    for job in all_jobs(study):
        if not job.output.exists():
            continue
        if runner.is_current(job):
            _believe(job)
        elif _believed_current(job):
            _distrust(job)


def _lines(ledger):
    """What a ledger says of each output; nothing, if it is damaged: then the artifacts' own keys decide."""
    try:
        lines = [json.loads(line) for line in ledger.read_text().splitlines()]
        if all(isinstance(facts["output"], str) for facts in lines):
            return lines
    except (ValueError, KeyError, TypeError):
        pass
    print(f"{ledger}: damaged, and not used; to write it again: dvc repro", file=sys.stderr)
    return []


def _speaks_of(facts, output):
    """Whether a record tells of the output that is there; a ledger may be older than the results."""
    try:
        return _names(facts, artifacts.read_key(output))
    except UserError:  # missing or damaged: nothing to tell of
        return False


def _names(facts, key):
    return any(key in str(value) for value in facts.get("params") or [])


def _believed_current(job):
    """Whether Snakemake would take the job's existing output for what the job makes.

    Without a record it takes any file; with one it goes by the record, not by the file, which may have
    been copied from elsewhere.
    """
    record = record_path(RECORDS, job.output)
    if not record.exists():
        return True
    return _names(json.loads(record.read_text()), job.key)


def _believe(job):
    """Have the job's output kept, though Snakemake, killed, did not live to see that it was finished.

    It is whole, since outputs take their names when they are, and its record is the last thing written.
    """
    marks = [record_path(INCOMPLETE, file) for file in (job.output, *job.files)]
    if not any(mark.exists() for mark in marks):
        return
    try:
        finished = records.read_record(job.output, job.key) is not None
    except UserError:
        finished = False
    for mark in marks if finished else ():
        mark.unlink(missing_ok=True)


def _distrust(job):
    """Have the job's output remade: Snakemake runs again what is marked as incomplete."""
    RECORDS.mkdir(exist_ok=True, parents=True)  # both folders, else it takes them for version 1
    for file in (job.output, *job.files):
        mark = record_path(INCOMPLETE, file)
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.write_text(json.dumps({"external_jobid": None}))


def _digest(ledger):
    return hashlib.sha256(ledger.read_bytes()).hexdigest()


def _stamp(ledger):
    return STATE / f"ledger-{ledger.stem}.sha256"


if __name__ == "__main__":
    try:
        chosen = grid.Study(params.load(study=sys.argv[1] if len(sys.argv) > 1 else None))
    except UserError as error:
        sys.exit(f"ledger: {error}")
    save(Path(f"provenance/{chosen.params.study}.jsonl"), chosen)

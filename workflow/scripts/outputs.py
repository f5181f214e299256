"""Outputs that Snakemake may take for done: those that carry the key of their job, and no others.

Snakemake alone trusts times of files and its own records. Both are wrong after a copy, a lost folder, a clock
that was set back, or another version of the results. Therefore profiles let it compare times only. Inputs of
an output with the right key are ``ancient`` in the rules, and an output with another key is marked here as
incomplete: Snakemake makes exactly these outputs again, and those that are missing.
"""

import json
import shutil
from base64 import urlsafe_b64encode
from pathlib import Path

from taet.errors import UserError
from taet.study.params.load import PARAMS_FILE
from taet.study.plan.page import page_key
from taet.study.plan.stages import STAGES
from taet.study.run import runner
from taet.study.store import records

try:
    from snakemake.persistence import MetadataRecord
except ImportError:  # an older Snakemake, which does not validate records
    MetadataRecord = None

RECORDS, INCOMPLETE = Path(".snakemake/metadata"), Path(".snakemake/incomplete")
NAME_LIMIT = 254  # longer names are cut into folders, whose names begin with @
OURS = {"external_jobid": None, "reason": "key"}  # a mark of this module, not of a killed Snakemake
# Fields of every record, which Snakemake reads without checking them.
FIELDS = {
    "record_format_version": int,
    "rule": str,
    "input": list,
    "log": list,
    "params": list,
    "starttime": (int, float),
    "endtime": (int, float),
}
HEAD = 2048  # bytes of a page that contain its key


def mark_stale(study, page):
    """Mark outputs with another key than their job's, before planning; returns those that are done."""
    _drop_odd_records()
    marked = {path for path in INCOMPLETE.rglob("*") if path.is_file()}
    made = [job for stage in STAGES for job in study.jobs(stage) if job.output.exists()]
    done = {
        job.output
        for job in made
        if _done(marked, [job.output, *job.files], runner.is_current(job), job)
    }
    if page.exists():
        current = page_key(study, PARAMS_FILE).encode() in _head(page)
        if _done(marked, [page], current):
            done.add(page)
    return done


def _done(marked, files, current, job=None):
    """Whether the files of a job are done; if not, all of them are marked afterwards.

    Args:
        marked: all marks before.
        files: the output, and the files beside it.
        current: whether they carry the right key.
        job: the job; None for the page.
    """
    marks = [_path(INCOMPLETE, file) for file in files]
    if not current:
        # Without it Snakemake takes the folder for that of an older version.
        RECORDS.mkdir(parents=True, exist_ok=True)
        for mark in marks:
            mark.parent.mkdir(parents=True, exist_ok=True)
            mark.write_text(json.dumps(OURS))
        return False
    marks = [mark for mark in marks if mark in marked]
    if not all(_read(mark) == OURS for mark in marks) and not _finished(job):
        return False
    for mark in marks:
        mark.unlink(missing_ok=True)  # beside a dry run, another Snakemake may be quicker
    return True


def _finished(job):
    """Whether a job was finished when its Snakemake was killed: the job's record is written last."""
    try:
        return job is not None and records.read_record(job.output, job.key) is not None
    except UserError:
        return False


def _drop_odd_records():
    """Remove records that would end Snakemake in a traceback: truncated ones, and other files."""
    for path in RECORDS.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            if not path.name.startswith("@"):  # not part of a long name
                shutil.rmtree(path)
        elif not _is_record(_read(path)):
            path.unlink(missing_ok=True)


def _is_record(facts):
    if not isinstance(facts, dict):
        return False
    if not all(isinstance(facts.get(name), kind) for name, kind in FIELDS.items()):
        return False
    try:
        return MetadataRecord is None or bool(MetadataRecord.model_validate(facts))
    except ValueError:
        return False


def _read(path):
    """The JSON in a file; None if there is none."""
    try:
        return json.loads(path.read_bytes()) if path.is_file() else None
    except (OSError, ValueError, RecursionError):
        return None


def _path(folder, output):
    """Snakemake's file for an output in a folder of its own (FilePersistence, since version 5)."""
    name = urlsafe_b64encode(str(output).encode()).decode()
    pieces = [name[i : i + NAME_LIMIT] for i in range(0, len(name), NAME_LIMIT)]
    return folder.joinpath(*(f"@{piece}" for piece in pieces[:-1]), pieces[-1])


def _head(page):
    with page.open("rb") as file:
        return file.read(HEAD)

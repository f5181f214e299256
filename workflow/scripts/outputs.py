"""Which outputs Snakemake may take for done: those that carry the key of their job, and no others.

Snakemake alone goes by times of files and by its own records. Both are wrong after a copy, a lost folder, a
clock that was set back, or another version of the results. So profiles have it compare times only, the rules
call the inputs of what has its key ``ancient``, and what has another key is marked here as incomplete:
Snakemake runs exactly that again, and what is missing.
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
except ImportError:  # an older Snakemake reads records unchecked
    MetadataRecord = None

RECORDS, INCOMPLETE = Path(".snakemake/metadata"), Path(".snakemake/incomplete")
NAME_LIMIT = 254  # longer record names are cut into folders, each but the last marked with @
OURS = {"external_jobid": None, "reason": "key"}  # a mark of this module, not of a killed Snakemake
# What every record has, and Snakemake reads unchecked.
WHOLE = {
    "record_format_version": int,
    "rule": str,
    "input": list,
    "log": list,
    "params": list,
    "starttime": (int, float),
    "endtime": (int, float),
}
HEAD = 2048  # bytes of a page, with its key


def judge(study, page):
    """Before planning: mark what has another key than its job; outputs that may be taken for done."""
    _drop_odd_records()
    marked = {path for path in INCOMPLETE.rglob("*") if path.is_file()}
    found = [job for stage in STAGES for job in study.jobs(stage) if job.output.exists()]
    done = {
        job.output
        for job in found
        if _done(marked, [job.output, *job.files], runner.is_current(job), job)
    }
    if page.exists():
        current = page_key(study, PARAMS_FILE).encode() in _head(page)
        if _done(marked, [page], current):
            done.add(page)
    return done


def _done(marked, files, current, job=None):
    """Whether the files of a job need not be made again; if they must, they bear a mark afterwards."""
    marks = [_path(INCOMPLETE, file) for file in files]
    if not current:
        RECORDS.mkdir(parents=True, exist_ok=True)  # else Snakemake takes the folder for an old one
        for mark in marks:
            mark.parent.mkdir(parents=True, exist_ok=True)
            mark.write_text(json.dumps(OURS))
        return False
    marks = [mark for mark in marks if mark in marked]
    if not all(_read(mark) == OURS for mark in marks) and not _finished(job):
        return False
    for mark in marks:
        mark.unlink(missing_ok=True)  # a Snakemake that runs beside a dry run may be quicker
    return True


def _finished(job):
    """Whether a killed Snakemake did not live to see that a job was finished: its record is written last."""
    try:
        return job is not None and records.read_record(job.output, job.key) is not None
    except UserError:
        return False


def _drop_odd_records():
    """Remove records that would end Snakemake in a traceback: cut off, or not of its making."""
    for path in RECORDS.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            if not path.name.startswith("@"):  # no part of a long name
                shutil.rmtree(path)
        elif not _is_record(_read(path)):
            path.unlink(missing_ok=True)


def _is_record(facts):
    if not isinstance(facts, dict):
        return False
    if not all(isinstance(facts.get(name), kind) for name, kind in WHOLE.items()):
        return False
    try:
        return MetadataRecord is None or bool(MetadataRecord.model_validate(facts))
    except ValueError:
        return False


def _read(path):
    """JSON in a file; None where there is none."""
    try:
        return json.loads(path.read_bytes()) if path.is_file() else None
    except (OSError, ValueError, RecursionError):
        return None


def _path(folder, output):
    """Where Snakemake (FilePersistence, since version 5) keeps what it knows of an output."""
    name = urlsafe_b64encode(str(output).encode()).decode()
    pieces = [name[i : i + NAME_LIMIT] for i in range(0, len(name), NAME_LIMIT)]
    return folder.joinpath(*(f"@{piece}" for piece in pieces[:-1]), pieces[-1])


def _head(page):
    with page.open("rb") as file:
        return file.read(HEAD)

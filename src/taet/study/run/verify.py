"""What is wrong with the files of a study: damaged, missing, or made by something else.

Jobs check what they read, and Snakemake and DVC go by what they remember of a file. Only here every byte is
read again: of the artifacts, and of the objects in DVC's cache, whose names are the hashes of their contents
and which DVC itself believes unseen.
"""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from taet.errors import UserError
from taet.study.plan.job import Job
from taet.study.plan.study import Study
from taet.study.run.runner import run_job
from taet.study.store import artifacts
from taet.study.store.contents import file_md5
from taet.study.store.records import read_record, record_path


@dataclass(frozen=True)
class Problem:
    """Something that is not as it was written.

    Attributes:
        file: what is wrong.
        message: one line: file, what is wrong, what to do.
        job: what makes it; None for an object in DVC's cache.
    """

    file: Path
    message: str
    job: Job | None


def artifact_problems(study: Study, stages: list[str]) -> Iterator[Problem]:
    """Problems of the artifacts that were made, in the order of their making."""
    lost = {job.output for job in study.lost()}
    for stage in stages:
        for job in study.jobs(stage):
            if job.output in lost or any(file.exists() for file in (job.output, *job.files)):
                yield from _problem(job)


def without_record(study: Study, stages: list[str]) -> list[Path]:
    """Artifacts whose making is not on record, such as those that DVC has brought."""
    jobs = (job for stage in stages for job in study.jobs(stage))
    return [
        job.output for job in jobs if job.output.exists() and not read_record(job.output, job.key)
    ]


def cache_problems() -> Iterator[Problem]:
    """Objects in DVC's cache that are not what their names say."""
    for file in sorted(_cache().glob("files/md5/??/*")):
        name = file.parent.name + file.name.removesuffix(".dir")
        if not file.is_file() or file_md5(file) != name:  # a pipe would never end
            yield Problem(
                file,
                f"{file}: damaged (its name is not the hash of its contents); delete it, then: dvc commit "
                "--force, which takes the file of this tree, or dvc pull",
                None,
            )


def remake(problems: list[Problem]) -> None:
    """Do the jobs again whose artifacts have problems, and take what is damaged out of DVC's cache."""
    for problem in problems:
        if problem.job is None:
            problem.file.unlink()
        else:
            run_job(problem.job)


def _problem(job: Job) -> Iterator[Problem]:
    try:
        if job.files:
            artifacts.verify_manifest(job.output, job.key, job.files)
        else:
            artifacts.read_arrays(job.output, job.key)
    except UserError as error:
        yield Problem(job.output, str(error), job)
        return
    try:
        read_record(job.output, job.key)
    except UserError as error:
        yield Problem(record_path(job.output), str(error), job)


def _cache() -> Path:
    """Where DVC keeps its objects; a folder that is not there, where this tree has none."""
    if not Path(".dvc").is_dir():
        return Path(".dvc/cache")
    asked = [sys.executable, "-m", "dvc", "cache", "dir"]
    done = subprocess.run(asked, capture_output=True, text=True)
    if done.returncode:
        raise UserError(f"dvc cache dir: {done.stderr.strip().splitlines()[-1]}")
    folder = Path(done.stdout.strip())
    return folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder

"""Files of a study that are damaged, missing, or made with other parameters or code.

Jobs check only what they read; Snakemake and DVC trust their own records of a file. Only this module reads
every byte again: of the artifacts, and of the objects in DVC's cache. The name of such an object is the hash
of its contents, which DVC does not check.
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
    """A file that is not as it should be.

    Attributes:
        file: its path.
        message: one line: file, what is wrong, what to do.
        job: the job that makes it; None for an object in DVC's cache.
    """

    file: Path
    message: str
    job: Job | None


def artifact_problems(study: Study, stages: list[str]) -> Iterator[Problem]:
    """Problems of the artifacts that were made, in the order of the stages."""
    lost = {job.output for job in study.lost()}
    for stage in stages:
        for job in study.jobs(stage):
            if job.output in lost or any(file.exists() for file in (job.output, *job.files)):
                yield from _problems(job)


def without_record(study: Study, stages: list[str]) -> list[Path]:
    """Artifacts that have no record, such as those that DVC has fetched."""
    outputs = ((job.output, job.key) for stage in stages for job in study.jobs(stage))
    return [output for output, key in outputs if output.exists() and not read_record(output, key)]


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
    """Do the jobs of artifacts with problems again, and delete damaged objects from DVC's cache."""
    for problem in problems:
        if problem.job is None:
            problem.file.unlink()
        else:
            run_job(problem.job)


def _problems(job: Job) -> Iterator[Problem]:
    """What is wrong with a job's artifact or, if nothing is, with its record."""
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
    """Folder of DVC's cache; one that does not exist where this tree has no DVC."""
    if not Path(".dvc").is_dir():
        return Path(".dvc/cache")
    command = [sys.executable, "-m", "dvc", "cache", "dir"]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode:
        raise UserError(f"dvc cache dir: {run.stderr.strip().splitlines()[-1]}")
    folder = Path(run.stdout.strip())
    return folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder

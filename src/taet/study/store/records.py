"""Records: what made an artifact, for people, beside the artifact.

An artifact's bytes depend on its key alone. Everything that differs between two runs that make the
same bytes (clock, machine, versions, cost) goes into ``NAME.record.json`` beside it, which no job
reads.
"""

import importlib.metadata
import json
import os
import platform
import resource
import shlex
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from taet.errors import UserError
from taet.study.store import artifacts
from taet.study.store.environment import is_locked
from taet.study.store.fingerprint import fingerprint
from taet.study.store.revision import revision
from taet.study.store.surroundings import set_choices

if TYPE_CHECKING:
    from taet.study.plan.job import Job

PACKAGES = (
    "taet",
    "torch",
    "torchvision",
    "numpy",
    "safetensors",
    "scikit-learn",
    "pandas",
    "matplotlib",
)


def record_path(output: Path) -> Path:
    """The file with the record of an artifact."""
    return output.with_name(f"{output.stem}.record.json")


class Stopwatch:
    """Wall and processor time at the start of a job."""

    def __init__(self) -> None:
        self.wall, self.cpu, self.clock = time.monotonic(), time.process_time(), time.time()


def write_record(job: "Job", watch: Stopwatch, **facts: Any) -> None:
    """Write the record of a finished job."""
    versions = package_versions()
    record = {
        "job": job.title,
        "key": job.key,
        "cell": dict(job.cell),
        "parameters": {name: job.dump(value) for name, value in job.reads.items()},
        "code": {
            "fingerprint": fingerprint(*job.code),
            "modules": list(job.code),
            "revision": revision(),
        },
        "inputs": {name: {"path": str(i.output), "key": i.key} for name, i in job.inputs.items()},
        "versions": {"python": platform.python_version(), **versions},
        "locked": is_locked(versions),
        "machine": {
            "system": platform.platform(),
            "processor": processor(),
            "cpu_count": os.cpu_count(),
        },
        "environment": set_choices(),
        "command": shlex.split(job.command),
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(watch.clock)),
        "wall_seconds": round(time.monotonic() - watch.wall, 3),
        "cpu_seconds": round(time.process_time() - watch.cpu, 3),
        "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        **facts,
    }
    whole = {**record, "digest": artifacts.digest({}, record)}
    artifacts.write_json(record_path(job.output), whole)


def read_record(output: Path, key: str) -> dict[str, Any] | None:
    """The record of an artifact; None if there is none, or only that of another artifact.

    DVC does not carry records, since every clock time would be a change to it. Results that were made
    elsewhere have none, and older results that DVC restores lie beside the record of newer ones.

    Args:
        output: the artifact's file.
        key: the artifact's key.

    Raises:
        UserError: it is damaged, or no regular file.
    """
    path = record_path(output)
    try:
        record = json.loads(artifacts.read_bytes(path))
        if not is_whole(record):
            raise ValueError
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise UserError(
            f"{path}: damaged; delete it, and with it {output} to have both made again"
        ) from None
    return record if record["key"] == key else None


def is_whole(record: dict[str, Any]) -> bool:
    """Whether the contents of a record match its digest."""
    contents = {name: value for name, value in record.items() if name != "digest"}
    return bool(record["digest"] == artifacts.digest({}, contents))


def package_versions() -> dict[str, str]:
    """Version of each of ``PACKAGES`` that is installed."""
    versions = {}
    for package in PACKAGES:
        with suppress(importlib.metadata.PackageNotFoundError):
            versions[package] = importlib.metadata.version(package)
    return versions


def processor() -> str:
    """Name of this machine's processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, "unknown")

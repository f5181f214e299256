"""What a job is, and the key of what it makes.

A job's *key* is a hash over its stage, its cell, the parameters it reads, the code it runs and the
keys of its inputs. Two artifacts with one key are the same thing; an artifact with another key than
its job's is stale.
"""

import hashlib
import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from taet.axes import job_title
from taet.study.params.selection import Selection
from taet.study.store.artifacts import FORMAT
from taet.study.store.fingerprint import fingerprint

Cell = Mapping[str, Any]


def hash_of(body: Any) -> str:
    """Hash of a JSON value, whatever the order of its mappings; 16 hex digits."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]


def option(axis: str) -> str:
    """The command-line option of an axis; the command line takes shorter ones too."""
    return f"--{axis.replace('_', '-')}"


@dataclass(frozen=True, eq=False)
class Job:
    """One piece of work.

    Attributes:
        stage: name of the stage.
        study: name of the study.
        selection: how a command asks for it.
        cell: value of each axis of the stage.
        reads: the parameters it reads, by name; nothing else may influence the result.
        code: the modules it runs.
        inputs: the jobs whose output it reads, by name.
        output: the file that carries its key.
        files: what it writes beside ``output``.
        dump: turns a block of parameters into JSON for the key.
        made_by: key of a saved output, whichever job made it; None where this job makes the output.
    """

    stage: str
    study: str
    selection: Selection
    cell: Cell
    reads: Mapping[str, Any]
    code: tuple[str, ...]
    inputs: Mapping[str, "Job"]
    output: Path
    files: tuple[Path, ...] = ()
    dump: Callable[[Any], Any] = field(repr=False, default=lambda value: value)
    made_by: str | None = None

    @cached_property
    def key(self) -> str:
        """Hash of everything that makes the output, 16 hex digits."""
        if self.made_by is not None:
            return self.made_by
        body = {
            "format": FORMAT,
            "stage": self.stage,
            "cell": self.cell,
            "reads": {name: self.dump(value) for name, value in self.reads.items()},
            "code": fingerprint(*self.code),
            "inputs": {name: job.key for name, job in self.inputs.items()},
        }
        return hash_of(body)

    @property
    def direct_inputs(self) -> list["Job"]:
        """The inputs from which no other input is made; whoever waits for these waits for all."""
        jobs = self.inputs.values()
        implied = {id(indirect) for job in jobs for indirect in job.inputs.values()}
        return [job for job in jobs if id(job) not in implied]

    @cached_property
    def command(self) -> str:
        """The command line that does the job, after ``python -m taet``."""
        words = [self.stage, *self.selection.options]
        for axis, value in self.cell.items():
            words += [option(axis), str(value)]
        return shlex.join([*words, "--key", self.key])

    @property
    def title(self) -> str:
        """See ``taet.axes.job_title``."""
        return job_title(self.stage, self.cell)

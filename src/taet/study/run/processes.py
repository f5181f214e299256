"""The processes of one job: usually one; ``torchrun`` starts several that train one network together.

    torchrun --standalone --nproc-per-node 2 -m taet equalize ...

The first process takes the lock, reads saved progress and writes files. All compute their share of every
batch (``taet.training.parallel``). Nothing here imports torch for a single process.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from taet.errors import UserError, counted

if TYPE_CHECKING:
    from taet.study.plan.job import Job

# The others wait while the first waits for its lock (``taet.study.store.locks``), as long as a training
# takes. torchrun watches whether all are alive.
PATIENCE = timedelta(days=30)

MARK = "TORCHELASTIC_RUN_ID"  # a variable that torchrun alone sets
NUMBER = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True)
class Team:
    """This process among those of its job.

    Attributes:
        count: how many processes the job has.
        number: number of this process, from 0.
        local: its number among the processes on this machine.
    """

    count: int
    number: int
    local: int

    @property
    def first(self) -> bool:
        """Whether this is the process that writes."""
        return self.number == 0

    def agree(self, answer: bool) -> bool:
        """The first process's answer, in all processes."""
        if self.count == 1:
            return answer
        import torch
        from torch import distributed

        answers = [answer]
        distributed.broadcast_object_list(answers, src=0, device=torch.device("cpu"))
        return answers[0]


ALONE = Team(1, 0, 0)
_current = ALONE


def team() -> Team:
    """This process among those of its current job; outside a job it is alone, whatever started it."""
    return _current


def started() -> Team:
    """This process among those that ``torchrun`` started, by its variables.

    Without ``MARK`` the other variables count for nothing: clusters, other launchers and users' shells set
    some of them too.

    Raises:
        UserError: the variables do not fit together.
    """
    if MARK not in os.environ:
        return ALONE
    values = {name: os.environ.get(name, "") for name in ("WORLD_SIZE", "RANK", "LOCAL_RANK")}
    if all(map(NUMBER.fullmatch, values.values())) and os.environ.get("MASTER_ADDR"):
        own = Team(*map(int, values.values()))
        if own.local <= own.number < own.count:
            return own
    settings = ", ".join(f"{name}={text[:20]!r}" for name, text in values.items())
    raise UserError(
        f"environment: {MARK} is set, but {settings} and MASTER_ADDR are not what torchrun says; "
        f"unset {MARK}, or start the command with torchrun"
    )


@contextmanager
def joined(job: "Job") -> Iterator[Team]:
    """Join the other processes of the job for as long as the block runs.

    Raises:
        UserError: there are more or fewer than the parameters say, or too few GPUs.
    """
    global _current
    own, wanted = started(), _wanted(job)
    if own.count != wanted:
        start = f"torchrun --standalone --nproc-per-node {wanted} -m" if wanted > 1 else "python -m"
        processes = counted(own.count, "process")
        why = (
            f"compute.processes says {wanted}"
            if "training" in job.reads
            else f"the stage {job.stage} has one"
        )
        raise UserError(
            f"{job.title}: started as {processes}, {why}; "
            f"start it with: {start} taet {job.stage} ..."
            + (f", without {MARK} in the environment" if own.count > 1 and wanted == 1 else "")
        )
    before, _current = _current, own
    try:
        if wanted == 1:
            yield own
        else:
            with _connected(own, job.reads["compute"].device == "cuda"):
                yield own
    finally:
        _current = before


@contextmanager
def _connected(own: Team, gpu: bool) -> Iterator[None]:
    """Exchange of data between the processes, as long as the block runs."""
    from torch import distributed

    if gpu:
        _take_gpu(own)
    # gloo transports what lies in main memory, such as an answer.
    backend = "cpu:gloo,cuda:nccl" if gpu else "gloo"
    distributed.init_process_group(backend, timeout=PATIENCE)
    try:
        yield
    finally:
        distributed.destroy_process_group()


def _take_gpu(own: Team) -> None:
    """Choose a GPU for this process alone, before it connects to the others."""
    from torch import cuda

    if own.local >= cuda.device_count():
        raise UserError(
            f"compute.processes: {own.count} processes need a GPU each, but torch sees "
            f"{cuda.device_count()} here; lower it, or look at CUDA_VISIBLE_DEVICES"
        )
    cuda.set_device(own.local)


def _wanted(job: "Job") -> int:
    """How many processes do the job: several only for training."""
    return int(job.reads["compute"].processes) if "training" in job.reads else 1

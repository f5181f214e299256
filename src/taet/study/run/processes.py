"""The processes of one job: mostly one; ``torchrun`` starts several that train one network together.

    torchrun --standalone --nproc-per-node 2 -m taet equalize ...

The first takes the lock, reads what was saved and writes files; the others compute their share of every
batch (``taet.training.parallel``). Nothing here imports torch unless there are several.
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

# One waits for another while that one waits for its turn (``taet.study.store.locks``): as long as a
# training takes. Whether all are alive is torchrun's business.
PATIENCE = timedelta(days=30)

MARK = "TORCHELASTIC_RUN_ID"  # of torchrun alone
NUMBER = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True)
class Team:
    """This process among those of its job.

    Attributes:
        count: of processes.
        number: of this one, from 0.
        local: its number among those of this machine.
    """

    count: int
    number: int
    local: int

    @property
    def first(self) -> bool:
        """Whether this is the one that writes."""
        return self.number == 0

    def agree(self, answer: bool) -> bool:
        """The first process's answer, for all."""
        if self.count == 1:
            return answer
        import torch
        from torch import distributed

        answers = [answer]
        distributed.broadcast_object_list(answers, src=0, device=torch.device("cpu"))
        return answers[0]


ALONE = Team(1, 0, 0)
_here = ALONE


def team() -> Team:
    """Who this process is in the job that it does now; outside of one it is alone, whoever has started it."""
    return _here


def started() -> Team:
    """Who this process is, as ``torchrun`` has told it.

    Others use the same words, some of them only in part: clusters, launchers of other programs, a shell in
    which somebody has tried something. What they start are no processes of one job.

    Raises:
        UserError: what ``torchrun`` should have said makes no sense.
    """
    if MARK not in os.environ:
        return ALONE
    words = {name: os.environ.get(name, "") for name in ("WORLD_SIZE", "RANK", "LOCAL_RANK")}
    if all(NUMBER.fullmatch(text) for text in words.values()) and os.environ.get("MASTER_ADDR"):
        here = Team(*map(int, words.values()))
        if here.local <= here.number < here.count:
            return here
    said = ", ".join(f"{name}={text[:20]!r}" for name, text in words.items())
    raise UserError(
        f"environment: {MARK} is set, but {said} and MASTER_ADDR are not what torchrun says; "
        f"unset {MARK}, or start the command with torchrun"
    )


@contextmanager
def joined(job: "Job") -> Iterator[Team]:
    """Meet the other processes of the job.

    Raises:
        UserError: there are more or fewer than the parameters say, or too few GPUs.
    """
    global _here
    here, wanted = started(), _wanted(job)
    if here.count != wanted:
        start = f"torchrun --standalone --nproc-per-node {wanted} -m" if wanted > 1 else "python -m"
        processes = counted(here.count, "process")
        why = (
            f"compute.processes says {wanted}"
            if "training" in job.reads
            else f"the stage {job.stage} has one"
        )
        raise UserError(
            f"{job.title}: started as {processes}, {why}; "
            f"start it with: {start} taet {job.stage} ..."
            + (f", without {MARK} in the environment" if here.count > 1 and wanted == 1 else "")
        )
    before, _here = _here, here
    try:
        if wanted == 1:
            yield here
        else:
            with _meeting(here, job.reads["compute"].device == "cuda"):
                yield here
    finally:
        _here = before


@contextmanager
def _meeting(here: Team, gpu: bool) -> Iterator[None]:
    from torch import distributed

    if gpu:
        _take_gpu(here)
    # What lies in ordinary memory, such as an answer, goes by gloo.
    backend = "cpu:gloo,cuda:nccl" if gpu else "gloo"
    distributed.init_process_group(backend, timeout=PATIENCE)
    try:
        yield
    finally:
        distributed.destroy_process_group()


def _take_gpu(here: Team) -> None:
    """Have a GPU for this process alone, before it meets the others there."""
    from torch import cuda

    if here.local >= cuda.device_count():
        raise UserError(
            f"compute.processes: {here.count} processes need a GPU each, but torch sees "
            f"{cuda.device_count()} here; lower it, or look at CUDA_VISIBLE_DEVICES"
        )
    cuda.set_device(here.local)


def _wanted(job: "Job") -> int:
    """Only training is shared out."""
    return int(job.reads["compute"].processes) if "training" in job.reads else 1

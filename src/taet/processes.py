"""The processes of one job: mostly one; ``torchrun`` starts several that train one network together.

    torchrun --standalone --nproc-per-node 2 -m taet equalize ...

The first takes the lock, reads what was saved and writes files; the others compute their share of every
batch (``taet.parallel``). Nothing here imports torch unless there are several.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from taet.errors import UserError

if TYPE_CHECKING:
    from taet.jobs import Job

# One waits for another while that one waits for its turn (``taet.locks``): as long as a training takes.
# Whether all are alive is torchrun's business.
PATIENCE = timedelta(days=30)


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


def team() -> Team:
    """Who this process is, as ``torchrun`` has told it."""
    count, number, local = (
        int(os.environ.get(name, default))
        for name, default in (("WORLD_SIZE", "1"), ("RANK", "0"), ("LOCAL_RANK", "0"))
    )
    return Team(count, number, local)


@contextmanager
def joined(job: "Job") -> Iterator[Team]:
    """Meet the other processes of the job.

    Raises:
        UserError: there are more or fewer than the parameters say, or too few GPUs.
    """
    here, wanted = team(), _wanted(job)
    if here.count != wanted:
        start = f"torchrun --standalone --nproc-per-node {wanted} -m" if wanted > 1 else "python -m"
        raise UserError(
            f"{job.title}: started as {here.count} processes, compute.processes says {wanted}; "
            f"start it with: {start} taet {job.stage} ..."
        )
    if wanted == 1:
        yield here
        return
    from torch import distributed

    gpu = job.reads["compute"].device == "cuda"
    if gpu:
        _take_gpu(here)
    # What lies in ordinary memory, such as an answer, goes by gloo.
    backend = "cpu:gloo,cuda:nccl" if gpu else "gloo"
    distributed.init_process_group(backend, timeout=PATIENCE)
    try:
        yield here
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

"""CUDA graphs: work that is the same in every step is recorded once and replayed by the GPU alone.

A training attack is some two thousand small kernels. The CPU needs longer to launch them one by one than the
GPU to run them; a recorded graph is launched as one.
"""

from collections.abc import Callable, Hashable, Sequence
from typing import Protocol

import torch
from torch import Tensor

from taet.errors import UserError, is_out_of_memory
from taet.study.run.processes import team

Work = Callable[..., Tensor]


class Recorded(Protocol):
    """A recording of work: gives the work's result for other tensors of the same shapes."""

    def __call__(self, tensors: Sequence[Tensor]) -> Tensor: ...


class CudaGraph:
    """A recording on a GPU: what ``work`` does with tensors of these shapes.

    A replay reads and writes the same memory as the recording. Tensors that ``work`` uses without being given
    them, a network's weights above all, must therefore change in place only, as optimisers, batch norm and
    ``load_state_dict`` change them.
    """

    def __init__(self, work: Work, tensors: Sequence[Tensor]) -> None:
        self.inputs = [tensor.clone() for tensor in tensors]
        self.graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(self.graph):
                self.output = work(*self.inputs)
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise
            raise UserError(
                f"the training attack cannot be recorded as a CUDA graph: {error}; network and objective "
                "must not ask the GPU for a number (.item(), an index of unknown length); an objective that "
                "is a new function in every step is not recorded"
            ) from error

    def __call__(self, tensors: Sequence[Tensor]) -> Tensor:
        for recorded, given in zip(self.inputs, tensors, strict=True):
            recorded.copy_(given)
        self.graph.replay()
        return self.output.clone()  # the next replay overwrites it


class Recorder:
    """Calls a function of tensors, and records it where that is possible.

    Calls are of one kind if function, settings, numbers, shapes and types of tensors, and autocast are equal.
    The first call of a kind is a plain one, in which libraries set themselves up; if the next call is of that
    kind too, it is recorded. So a function that is created for every call, such as a closure over something
    that changes, is never recorded. Recordings and their memory live as long as the recorder.

    Args:
        record: makes a recording.
    """

    def __init__(self, record: Callable[[Work, Sequence[Tensor]], Recorded] = CudaGraph) -> None:
        self.record = record
        self.recordings: dict[Hashable, Recorded] = {}
        self.last_kind: Hashable = None

    def __call__(
        self, work: Work, settings: tuple[Hashable, ...], *values: Tensor | float
    ) -> Tensor:
        """``work(*settings, *values)``.

        Args:
            settings: what decides what is computed; compared by ``==``.
            values: tensors, whose contents may differ from call to call, and numbers.
        """
        if not self.can_record(values):
            return work(*settings, *values)
        kind = (work, settings, tuple(map(_kind, values)), _autocast())
        tensors = [value for value in values if isinstance(value, Tensor)]
        if kind not in self.recordings:
            if kind != self.last_kind:
                self.last_kind = kind
                return work(*settings, *values)
            self.recordings[kind] = self.record(_of_tensors(work, settings, values), tensors)
        return self.recordings[kind](tensors)

    def can_record(self, values: Sequence[Tensor | float]) -> bool:
        """Whether work on these values runs on a GPU, and in one process: several must communicate."""
        devices = {value.device.type for value in values if isinstance(value, Tensor)}
        return devices == {"cuda"} and team().count == 1


def _kind(value: Tensor | float) -> Hashable:
    return (value.shape, value.dtype) if isinstance(value, Tensor) else value


def _autocast() -> Hashable:
    return torch.is_autocast_enabled("cuda") and torch.get_autocast_dtype("cuda")


def _of_tensors(
    work: Work, settings: tuple[Hashable, ...], values: Sequence[Tensor | float]
) -> Work:
    """``work`` as a function of the tensors alone."""

    def with_tensors(*tensors: Tensor) -> Tensor:
        given = iter(tensors)
        arguments = (next(given) if isinstance(value, Tensor) else value for value in values)
        return work(*settings, *arguments)

    return with_tensors

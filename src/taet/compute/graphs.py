"""CUDA graphs: work that is the same in every step is recorded once, and then repeated by the GPU alone.

A training attack is some two thousand small kernels. Starting them one by one takes the processor longer than
the GPU needs to run them; a recorded graph is started as one.
"""

from collections.abc import Callable, Hashable, Sequence
from typing import Protocol

import torch
from torch import Tensor

from taet.errors import UserError, is_out_of_memory
from taet.study.run.processes import team

Work = Callable[..., Tensor]


class Recorded(Protocol):
    """Work of which the tensors that go in may change."""

    def __call__(self, tensors: Sequence[Tensor]) -> Tensor: ...


class CudaGraph:
    """A recording: what ``work`` does with tensors of these shapes.

    It reads and writes the memory that it did when it was recorded. What ``work`` finds by itself, a
    network's weights above all, must stay where it lies and change in place only, as optimisers, batch norm
    and ``load_state_dict`` do.
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
                "must not ask the GPU for a number (.item(), an index of unknown length), or the objective "
                "must be made anew in every step"
            ) from error

    def __call__(self, tensors: Sequence[Tensor]) -> Tensor:
        for own, given in zip(self.inputs, tensors, strict=True):
            own.copy_(given)
        self.graph.replay()
        return self.output.clone()  # the next repetition overwrites it


class Recorder:
    """Calls a function of tensors; what can be recorded, it records.

    Calls are of one kind if function, settings and numbers are equal, shapes and types of tensors, and
    autocast. The first call of a kind is a plain one, in which libraries set themselves up; if the next is of
    that kind too, it is recorded. So a function that is made anew for every call, such as a closure over
    something that changes, is never recorded. Recordings are kept as long as the recorder, with the memory
    that they need.

    Args:
        record: makes a recording.
    """

    def __init__(self, record: Callable[[Work, Sequence[Tensor]], Recorded] = CudaGraph) -> None:
        self.record = record
        self.recordings: dict[Hashable, Recorded] = {}
        self.last: Hashable = None

    def __call__(
        self, work: Work, settings: tuple[Hashable, ...], *values: Tensor | float
    ) -> Tensor:
        """``work(*settings, *values)``.

        Args:
            settings: whatever decides what is computed; told apart by ``==``.
            values: tensors, which may have other contents in every call, and numbers.
        """
        if not self.can_record(values):
            return work(*settings, *values)
        kind = (work, settings, tuple(map(_kind, values)), _autocast())
        tensors = [value for value in values if isinstance(value, Tensor)]
        if kind not in self.recordings:
            if kind != self.last:
                self.last = kind
                return work(*settings, *values)
            self.recordings[kind] = self.record(_of_tensors(work, settings, values), tensors)
        return self.recordings[kind](tensors)

    def can_record(self, values: Sequence[Tensor | float]) -> bool:
        """Whether work on these values is a GPU's, and not shared out among processes that must talk."""
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
        filled = (next(given) if isinstance(value, Tensor) else value for value in values)
        return work(*settings, *filled)

    return with_tensors

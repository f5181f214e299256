"""Work on many images in batches; a batch that does not fit into memory is halved."""

from collections.abc import Callable
from functools import cache
from typing import TypeVar

from torch import Tensor

from taet.errors import is_out_of_memory
from taet.messages import say

Result = TypeVar("Result")


def in_batches(work: Callable[..., Result], size: int, *tensors: Tensor) -> list[Result]:
    """What ``work`` returns for each batch, in order; an empty list without images.

    A batch that does not fit into memory is halved, and so are all batches after it: results must not depend
    on the size.

    Args:
        work: takes as many tensors as are given.
        size: images in a batch at most.
        tensors: [N, ...] each.

    Raises:
        RuntimeError: a single image does not fit into memory, or whatever ``work`` raises.
    """
    results: list[Result] = []
    done = 0
    while done < len(tensors[0]):
        batch = [tensor[done : done + size] for tensor in tensors]
        try:
            results.append(work(*batch))
        except RuntimeError as error:
            if len(batch[0]) == 1 or not is_out_of_memory(error):
                raise
        else:
            done += len(batch[0])
            continue
        # Not in the handler, where the error still holds the memory of the failed attempt.
        size = (len(batch[0]) + 1) // 2
        _warn_once(len(batch[0]), size)
    return results


@cache
def _warn_once(size: int, smaller: int) -> None:
    say(
        f"not enough memory for {size} images at once: going on with {smaller}; a lower batch size avoids "
        "failed attempts"
    )

"""Work on many images in batches, which are halved where memory does not suffice."""

import sys
from collections.abc import Callable
from functools import cache
from typing import TypeVar

from torch import Tensor

from taet.errors import is_out_of_memory

Result = TypeVar("Result")


def in_batches(work: Callable[..., Result], size: int, *tensors: Tensor) -> list[Result]:
    """What ``work`` returns for each batch, in order; nothing where there are no images.

    A batch that does not fit into memory is cut in half, and the rest goes on in batches of that size:
    results must not depend on the size.

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
        # Not inside the handler: the error holds on to what the failed try has allocated.
        size = (len(batch[0]) + 1) // 2
        _say(len(batch[0]), size)
    return results


@cache  # once is enough
def _say(size: int, smaller: int) -> None:
    print(
        f"not enough memory for {size} images at once: going on with {smaller}; a lower "
        "evaluation.batch_size saves the vain tries",
        file=sys.stderr,
    )

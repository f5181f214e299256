"""Where networks are trained and attacked."""

from typing import TYPE_CHECKING

import torch

from taet import gpus
from taet.errors import UserError
from taet.processes import team

if TYPE_CHECKING:
    from taet.blocks import Compute


def settle(compute: "Compute") -> torch.device:
    """Set threads and arithmetic of this process as the parameters say; the device to work on.

    On a GPU float32 means float32: torch would let convolutions round to TF32. ``cuda`` is the GPU that
    ``taet.gpus``, or of several processes ``taet.processes``, has given to this one.

    Raises:
        UserError: there is no GPU here.
    """
    torch.set_num_threads(compute.threads)
    if compute.device == "cuda":
        if not torch.cuda.is_available():
            raise UserError(
                "compute.device: cuda, but torch sees no GPU here; set it to cpu, or look at "
                "CUDA_VISIBLE_DEVICES, the driver, and whether this torch was built for CUDA"
            )
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cuda.matmul.allow_tf32 = False
        if team().count == 1:  # else ``taet.processes`` has given one to each
            torch.cuda.set_device(gpus.take(torch.cuda.device_count()))
    return torch.device(compute.device)


def description(device: torch.device) -> str:
    """For records: what the results of another device may differ by."""
    if device.type == "cpu":
        return f"cpu, {torch.get_num_threads()} threads"
    capability = ".".join(map(str, torch.cuda.get_device_capability(device)))
    return (
        f"{torch.cuda.get_device_name(device)}, capability {capability}, CUDA {torch.version.cuda}"
    )

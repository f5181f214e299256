"""Where networks are trained and attacked."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import torch

from taet.errors import UserError
from taet.study.run import gpus
from taet.study.run.processes import team

if TYPE_CHECKING:
    from taet.study.params.blocks import Compute


def set_up_device(compute: "Compute") -> torch.device:
    """Set threads and arithmetic of this process as the parameters say; returns the device to work on.

    float32 means float32, whatever the environment or other code has told torch: convolutions and products
    could round to TF32 or bfloat16, on a CPU too. Convolutions on a GPU add up in the same order each time,
    which is not torch's default. ``cuda`` is the GPU assigned to this process by ``taet.study.run.gpus``, or
    by ``taet.study.run.processes`` where several processes train one network.

    Raises:
        UserError: torch sees no GPU.
    """
    torch.set_num_threads(compute.threads)
    torch.set_default_dtype(torch.float32)
    torch.backends.cudnn.enabled = torch.backends.mkldnn.enabled = True
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    for setting in precision_settings():
        setting.fp32_precision = "ieee"
    if compute.device == "cuda":
        if not torch.cuda.is_available():
            raise UserError(
                "compute.device: cuda, but torch sees no GPU here; set it to cpu, or look at "
                "CUDA_VISIBLE_DEVICES, the driver, and whether this torch was built for CUDA"
            )
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.benchmark = False
        if (
            team().count == 1
        ):  # several processes: ``taet.study.run.processes`` has assigned the GPUs
            torch.cuda.set_device(gpus.claim(torch.cuda.device_count()))
    return torch.device(compute.device)


def precision_settings() -> list[Any]:
    """What has torch's ``fp32_precision``, from torch 2.9 on; general ones precede those they contain."""
    gpu, cpu = torch.backends.cudnn, torch.backends.mkldnn
    if not hasattr(gpu, "fp32_precision"):
        return []
    general = [torch.backends, gpu]
    return [*general, torch.backends.cuda.matmul, gpu.conv, gpu.rnn, cpu.matmul, cpu.conv, cpu.rnn]


def attack_precision(precision: str, device: str) -> AbstractContextManager[object]:
    """Inside the block, the arithmetic in which attacks search for images (``evaluation.precision``)."""
    if precision == "tf32" and device == "cuda":
        return _tf32()
    return bfloat16(device, precision == "bf16")


def bfloat16(device: str, enabled: bool) -> AbstractContextManager[object]:
    """Convolutions and products in bfloat16; weights, their gradients and losses stay float32.

    Without autocast's cache of rounded weights: a recorded graph (``taet.compute.graphs``) must not read it.
    """
    return torch.autocast(device, torch.bfloat16, cache_enabled=False) if enabled else nullcontext()


@contextmanager
def _tf32() -> Iterator[None]:
    """A GPU may round the factors of float32 convolutions and products to TF32."""
    backends = (torch.backends.cudnn, torch.backends.cuda.matmul)
    before = [backend.allow_tf32 for backend in backends]
    for backend in backends:
        backend.allow_tf32 = True
    try:
        yield
    finally:
        for backend, allowed in zip(backends, before, strict=True):
            backend.allow_tf32 = allowed


def device_facts(device: torch.device) -> dict[str, Any]:
    """For records: the device, on which rounding depends, and how much memory a GPU needed."""
    if device.type == "cpu":
        return {"device": f"cpu, {torch.get_num_threads()} threads"}
    capability = ".".join(map(str, torch.cuda.get_device_capability(device)))
    name = torch.cuda.get_device_name(device)
    return {
        "device": f"{name}, capability {capability}, CUDA {torch.version.cuda}",
        "gpu_peak_memory_mib": torch.cuda.max_memory_allocated(device) // 2**20,
    }

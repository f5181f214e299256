"""A caller's process and model, set up for an evaluation and restored afterwards."""

import copy
import operator
import os
import random
import warnings
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from taet.compute.devices import precision_settings, set_up_device
from taet.errors import ArgumentError, first_line
from taet.seeds import seed_for

if TYPE_CHECKING:
    from taet.study.params.blocks import Compute

State = tuple[Callable[[], Any], Callable[[Any], Any]]  # functions that read and set it


@contextmanager
def restored_process(compute: "Compute", seed: int) -> Iterator[torch.device]:
    """Inside the block, arithmetic as in a job; yields the device. Afterwards the process is as before.

    Whatever the caller has set in torch (types, threads, precisions, autocast, gradients), results are those
    of a fresh process. Random numbers that a model draws start from ``seed``.
    """
    with ExitStack() as undone:
        for read, write in _states(compute):
            try:
                undone.callback(write, read())
            except RuntimeError:  # cannot be read where the caller used both of torch's interfaces
                continue
        undone.enter_context(warnings.catch_warnings())
        if any(action == "error" for action, *_ in warnings.filters):
            warnings.simplefilter("default")  # torch's warnings about a model must not end the work
        undone.enter_context(torch.inference_mode(False))
        undone.enter_context(torch.enable_grad())
        device = set_up_device(compute)
        undone.enter_context(torch.autocast(device.type, enabled=False))
        if torch.get_default_device().type not in ("cpu", device.type):
            undone.enter_context(torch.device(device.type))
        _seed_all(seed_for("model", seed), device)
        yield device


def _states(compute: "Compute") -> Iterator[State]:
    """Everything global that is set here; the last is restored first."""
    for setting in reversed(precision_settings()):
        yield _attribute(setting, "fp32_precision")
    # torch's older interface for the same, which changes the above too.
    yield _matmul_precision, _set_matmul_precision
    for flag in ("enabled", "deterministic", "benchmark", "allow_tf32"):
        yield _attribute(torch.backends.cudnn, flag)
    yield _attribute(torch.backends.mkldnn, "enabled")
    yield torch.get_num_threads, torch.set_num_threads
    yield torch.get_default_dtype, torch.set_default_dtype
    yield lambda: dict(os.environ), _set_environment
    yield random.getstate, random.setstate
    yield np.random.get_state, np.random.set_state
    yield torch.get_rng_state, torch.set_rng_state
    wanted = compute.device == "cuda" and torch.cuda.is_available()
    if wanted or torch.cuda.is_initialized():
        yield torch.cuda.get_rng_state_all, torch.cuda.set_rng_state_all
        yield torch.cuda.current_device, torch.cuda.set_device


def _matmul_precision() -> str | None:
    """The older setting; None where the caller used both interfaces, since torch then refuses to read it."""
    try:
        return torch.get_float32_matmul_precision()
    except RuntimeError:
        return None


def _set_matmul_precision(precision: str | None) -> None:
    if precision is not None:
        torch.set_float32_matmul_precision(precision)


def _set_environment(values: dict[str, str]) -> None:
    """Libraries that are imported meanwhile, such as scikit-learn, set variables of their own."""
    for name in os.environ.keys() - values.keys():
        del os.environ[name]
    os.environ.update(values)


def _attribute(owner: Any, name: str) -> State:
    return lambda: getattr(owner, name), lambda value: setattr(owner, name, value)


def _seed_all(seed: int, device: torch.device) -> None:
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002
    # torch.manual_seed would also seed a GPU that is not in use yet.
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed_all(seed)


@contextmanager
def restored_model(model: nn.Module, device: torch.device) -> Iterator[nn.Module]:
    """A model in eval mode on a device, inside the block.

    Afterwards it is on its own device again, with its modes, buffers and gradients as before. A model that
    was made in torch's inference mode cannot have gradients, and is copied.

    Raises:
        ArgumentError: it cannot be copied, moved or put into eval mode.
    """
    if isinstance(model, nn.DataParallel | nn.parallel.DistributedDataParallel):
        model = model.module  # one device does the work
    tensors = [*model.parameters(), *model.buffers()]
    if any(not is_lazy(tensor) and tensor.is_inference() for tensor in tensors):
        model = _tried("be copied, made in inference mode", copy.deepcopy, model)
    with ExitStack() as undone:
        for module in model.modules():
            if hasattr(module, "training"):  # a frozen TorchScript module has no mode
                undone.callback(setattr, module, "training", module.training)
            for name, buffer in _tensors(module._buffers):
                undone.callback(_restore_tensor, module._buffers, name, buffer)
                undone.callback(_restore_value, buffer, buffer._version, buffer.clone())
            for name, weight in _tensors(module._parameters):
                undone.callback(_restore_tensor, module._parameters, name, weight)
                undone.callback(setattr, weight, "grad", weight.grad)
                undone.callback(setattr, weight, "data", weight.data)
                weight.grad = None
        model = _tried(f"be moved to {device}", model.to, device)
        if hasattr(model, "training"):
            model = _tried("be put into eval mode", operator.methodcaller("eval"), model)
        yield model


def _tensors(store: Mapping[str, Tensor | None]) -> Iterator[tuple[str, Tensor]]:
    """Parameters or buffers of a module, without those that have no values."""
    for name, tensor in store.items():
        if tensor is not None and not is_lazy(tensor):
            yield name, tensor


def _restore_tensor(store: MutableMapping[str, Tensor | None], name: str, tensor: Tensor) -> None:
    """Put a tensor back if another one has replaced it."""
    if store[name] is not tensor:
        store[name] = tensor


def _restore_value(buffer: Tensor, version: int, value: Tensor) -> None:
    """Put the value of a buffer back if it was written to."""
    if buffer._version != version:
        with torch.no_grad():
            buffer.copy_(value)


def _tried(what: str, work: Callable[..., nn.Module], *given: Any) -> nn.Module:
    try:
        return work(*given)
    except Exception as error:  # of the user's code: the user must read it
        raise ArgumentError(f"model: cannot {what}: {first_line(error)}") from error

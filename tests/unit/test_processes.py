"""How processes that ``torchrun`` has started meet; what they do then is in tests/workflow/test_processes.py."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from torch import cuda, distributed

from taet.errors import UserError
from taet.processes import joined


def job(device: str) -> Any:
    compute = SimpleNamespace(processes=2, device=device)
    return SimpleNamespace(
        title="a", stage="equalize", reads={"compute": compute, "training": None}
    )


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """What torch is told, in order, by the second of two processes on a machine with two GPUs."""
    calls: list[tuple[str, Any]] = []
    for name, value in (("WORLD_SIZE", "2"), ("RANK", "1"), ("LOCAL_RANK", "1")):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(cuda, "device_count", lambda: 2)
    monkeypatch.setattr(cuda, "set_device", lambda number: calls.append(("gpu", number)))
    monkeypatch.setattr(
        distributed,
        "init_process_group",
        lambda backend, timeout: calls.append((backend, timeout)),
    )
    monkeypatch.setattr(distributed, "destroy_process_group", lambda: None)
    return calls


def test_each_has_its_gpu_before_they_meet(said: list[tuple[str, Any]]) -> None:
    with joined(job("cuda")):
        assert [what for what, _ in said] == ["gpu", "cpu:gloo,cuda:nccl"]
    assert said[0] == ("gpu", 1)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_one_waits_as_long_as_another_has_to(device: str, said: list[tuple[str, Any]]) -> None:
    """torch's own patience is half an hour, or ten minutes on GPUs; a training takes longer."""
    with joined(job(device)):
        assert said[-1][1] > timedelta(days=7)


def test_too_few_gpus_are_said(
    said: list[tuple[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cuda, "device_count", lambda: 1)
    with pytest.raises(UserError, match="2 processes need a GPU each, but torch sees 1 here"):
        joined(job("cuda")).__enter__()
    assert said == []

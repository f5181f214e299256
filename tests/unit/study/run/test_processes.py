"""How processes that ``torchrun`` has started meet; what they do then is in tests/workflow/test_processes.py."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from torch import cuda, distributed

from taet.errors import UserError
from taet.study.run.processes import ALONE, Team, joined, started, team

TORCHRUN = {
    "TORCHELASTIC_RUN_ID": "none",
    "WORLD_SIZE": "2",
    "RANK": "1",
    "LOCAL_RANK": "1",
    "MASTER_ADDR": "127.0.0.1",
}


def job(device: str) -> Any:
    compute = SimpleNamespace(processes=2, device=device)
    return SimpleNamespace(
        title="a", stage="equalize", reads={"compute": compute, "training": None}
    )


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """What torch is told, in order, by the second of two processes on a machine with two GPUs."""
    calls: list[tuple[str, Any]] = []
    for name, value in TORCHRUN.items():
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


def test_each_has_its_gpu_before_they_meet(calls: list[tuple[str, Any]]) -> None:
    with joined(job("cuda")):
        assert [what for what, _ in calls] == ["gpu", "cpu:gloo,cuda:nccl"]
        assert team() == Team(2, 1, 1)
    assert team() == ALONE
    assert calls[0] == ("gpu", 1)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_one_waits_as_long_as_another_has_to(device: str, calls: list[tuple[str, Any]]) -> None:
    """torch's own patience is half an hour, or ten minutes on GPUs; a training takes longer."""
    with joined(job(device)):
        assert calls[-1][1] > timedelta(days=7)


def test_too_few_gpus_are_said(
    calls: list[tuple[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cuda, "device_count", lambda: 1)
    with pytest.raises(UserError, match="2 processes need a GPU each, but torch sees 1 here"):
        joined(job("cuda")).__enter__()
    assert calls == []


@pytest.mark.parametrize(
    "words",
    [
        {"RANK": "1"},
        {"WORLD_SIZE": "abc"},
        {"RANK": "1", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1"},
        {"SLURM_PROCID": "3", "SLURM_NTASKS": "4", "SLURM_LOCALID": "3"},
        {"OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "2", "RANK": "", "WORLD_SIZE": ""},
    ],
)  # fmt: skip
def test_words_of_others_make_no_process_of_a_job(
    words: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a process would do the work and write nothing."""
    for name, value in words.items():
        monkeypatch.setenv(name, value)
    attack = SimpleNamespace(title="a", stage="attack", reads={})
    with joined(attack) as here:  # type: ignore[arg-type]
        assert here == team() == ALONE
        assert here.first


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"WORLD_SIZE": "abc"}, "WORLD_SIZE='abc', RANK='1', LOCAL_RANK='1'"),
        ({"RANK": ""}, "RANK=''"),
        ({"RANK": "-1"}, "RANK='-1'"),
        ({"LOCAL_RANK": "²"}, "LOCAL_RANK='²'"),
        ({"RANK": "1" * 5000}, "RANK='11"),
        ({"RANK": "2"}, "WORLD_SIZE='2', RANK='2'"),
        ({"LOCAL_RANK": "3"}, "LOCAL_RANK='3'"),
        ({"WORLD_SIZE": "0"}, "WORLD_SIZE='0'"),
        ({"MASTER_ADDR": ""}, "MASTER_ADDR"),
    ],
)  # fmt: skip
def test_what_torchrun_would_not_say(
    changes: dict[str, str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (TORCHRUN | changes).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match=message):
        started()


def test_a_stage_of_one_process_is_not_done_by_several(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in TORCHRUN.items():
        monkeypatch.setenv(name, value)
    attack: Any = SimpleNamespace(title="a", stage="attack", reads={})
    with pytest.raises(
        UserError, match="a: started as 2 processes, the stage attack has one; start"
    ):
        joined(attack).__enter__()

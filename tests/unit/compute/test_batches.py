"""Batches that are halved where memory does not suffice."""

import subprocess
import sys

import pytest
import torch

from taet.compute.batches import in_batches

NO_MEMORY = "DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes"


def test_batches_in_order() -> None:
    x, y = torch.arange(7), 10 * torch.arange(7)
    seen = in_batches(lambda a, b: (a.tolist(), b.tolist()), 3, x, y)
    assert [a for a, _ in seen] == [[0, 1, 2], [3, 4, 5], [6]]
    assert [b for _, b in seen] == [[0, 10, 20], [30, 40, 50], [60]]
    assert in_batches(len, 3, x[:0]) == []


def test_a_batch_that_does_not_fit_is_halved() -> None:
    def work(x: torch.Tensor) -> list[int]:
        if len(x) > 2:
            raise RuntimeError(NO_MEMORY)
        return x.tolist()

    assert in_batches(work, 7, torch.arange(7)) == [[0, 1], [2, 3], [4, 5], [6]]


def test_a_single_image_that_does_not_fit_is_an_error() -> None:
    def work(x: torch.Tensor) -> None:
        raise RuntimeError(NO_MEMORY)

    with pytest.raises(RuntimeError, match="allocate memory"):
        in_batches(work, 4, torch.arange(4))


def test_other_errors_are_not_hidden() -> None:
    calls = []

    def work(x: torch.Tensor) -> None:
        calls.append(len(x))
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes"):
        in_batches(work, 4, torch.arange(4))
    assert calls == [4]


# An attack in a process that may have little memory, on a model that needs 40 MiB for an image.
SHORT = """
import resource, torch
from taet.study.params.load import load_params
from taet.adversary.evaluation import evaluate

class Greedy(torch.nn.Module):
    def forward(self, x):
        wide = x.mean((1, 2, 3))[:, None].expand(-1, 10 << 20).clone()  # MiB of float32
        return torch.stack([wide[:, 0] - 0.5, 0.5 - wide[:, 0]], 1)

x = torch.linspace(0, 1, 24)[:, None, None, None].expand(-1, 1, 4, 4).clone()
y = (x[:, 0, 0, 0] < 0.5).long()
attacks = {name: load_params(study="digits").attacks[name] for name in ("fgsm", "pgd20")}
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (600 << 20), resource.RLIM_INFINITY))
result = evaluate(Greedy(), x, y, attacks, eps=0.1, batch_size=24, seed=0, classes=2)
print((result.verdicts["pgd20"].prediction == y).tolist() == (abs(x[:, 0, 0, 0] - 0.5) > 0.1).tolist())
"""


@pytest.mark.faults
def test_an_attack_goes_on_where_memory_is_short() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SHORT], capture_output=True, text=True, timeout=400
    )
    assert done.returncode == 0, done.stderr
    assert "not enough memory for 24 images at once: going on with 12" in done.stderr
    assert done.stdout.strip() == "True"

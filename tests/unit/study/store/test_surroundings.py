"""The environment of whoever starts a job does not reach its numbers."""

import os
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from taet.stages import inspect
from taet.study.store.surroundings import BEYOND_REACH, CHOICES, leave_out_choices, set_choices

NUMBERS = """
import sys, types, taet.__main__
sys.modules["taet.cli.main"] = types.SimpleNamespace(main=lambda: 0)
taet.__main__.main()
import hashlib, numpy, torch
torch.manual_seed(0)
torch.set_num_threads(1)
net = torch.nn.Sequential(torch.nn.Conv2d(8, 16, 3), torch.nn.Flatten(), torch.nn.Linear(16 * 14 * 14, 32))
out = net(torch.randn(4, 8, 16, 16)).detach().numpy()
print(torch.backends.cpu.get_cpu_capability(), hashlib.sha256(out.tobytes()).hexdigest())
"""
HOSTILE = {
    "ATEN_CPU_CAPABILITY": "default",
    "MKL_CBWR": "COMPATIBLE",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "ONEDNN_DEFAULT_FPMATH_MODE": "ANY",
}


def test_kernels_are_the_machines_own() -> None:
    """Each of these gives other bytes of a convolution or a product, on a processor with AVX2."""
    clean = {name: value for name, value in os.environ.items() if name not in CHOICES}
    printed = [
        subprocess.run(
            [sys.executable, "-c", NUMBERS], env=env, capture_output=True, text=True, check=True
        ).stdout
        for env in (clean, clean | HOSTILE)
    ]
    assert printed[0] == printed[1] != ""


def test_what_is_left_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*CHOICES, *BEYOND_REACH):
        monkeypatch.setenv(name, "1")
    assert set(set_choices()) == {*CHOICES, *BEYOND_REACH}
    leave_out_choices()
    assert set(set_choices()) == set(BEYOND_REACH)


def test_the_module_loads_nothing_that_reads_them() -> None:
    code = "import sys, taet.__main__; print([m for m in ('numpy', 'torch') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_points_do_not_depend_on_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """t-SNE starts from products of numpy's BLAS, whose threads are not torch's."""
    threads = []

    class Fit:
        def __init__(self, **_: Any) -> None:
            pass

        def fit_transform(self, points: Any) -> Any:
            threads.extend(pool["num_threads"] for pool in threadpool_info())
            return points

    monkeypatch.setattr(inspect, "TSNE", Fit)
    monkeypatch.setattr(inspect, "features_of", lambda model, x: x)
    network: Any = SimpleNamespace(
        model=None,
        x=torch.zeros(4, 2),
        cell={"seed": 0},
        reads={
            "inspection": SimpleNamespace(perplexity=1),
            "compute": SimpleNamespace(threads=1),
        },
        _table=lambda *_, **__: None,
    )
    with threadpool_limits(2):
        inspect._Rare.embedded(network)
    assert threads
    assert set(threads) == {1}

"""Two processes that share a training out, over gloo on a CPU, against one."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from taet.study.params.load import load_params
from tests.conftest import ROOT, Tree
from tests.contract.test_methods import METHODS

pytestmark = pytest.mark.study
TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
ALONE = {"las_at"}  # kinds that one process must train


def steps(folder: Path, *start: str, sync: str) -> None:
    command = [*start, "-m", "tests.contract.shared_steps", str(folder), sync]
    done = subprocess.run(
        command, cwd=ROOT, env=Tree(ROOT).environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """After two steps of every method: of one process, and of each of two."""
    folder = tmp_path_factory.mktemp("steps")
    steps(folder, sys.executable, sync="sync")
    steps(folder, *TORCHRUN, sync="sync")
    return folder


@pytest.mark.parametrize("name", METHODS)
def test_two_processes_take_the_step_of_one(name: str, weights: Path) -> None:
    one, first, second = (load_file(weights / f"{name}.{who}") for who in ("0of1", "0of2", "1of2"))
    if load_params(ROOT / "params.yaml", "digits").methods[name].kind in ALONE:
        assert one == {}
        return
    assert one.keys() == first.keys()
    for key, value in one.items():
        torch.testing.assert_close(first[key], value, rtol=1e-7, atol=1e-9)
        assert torch.equal(first[key], second[key]), "the processes must never part"


def test_without_synchronised_batch_norm_they_differ_from_one_but_not_from_each_other(
    weights: Path, tmp_path: Path
) -> None:
    steps(tmp_path, *TORCHRUN, sync="own")
    one, first, second = (
        load_file(weights / "taet.0of1"),
        load_file(tmp_path / "taet.0of2"),
        load_file(tmp_path / "taet.1of2"),
    )
    assert any(not torch.allclose(one[key], first[key]) for key in one)
    assert all(torch.equal(first[key], second[key]) for key in first)

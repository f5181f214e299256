"""PGD-20 + PGD-100 against torchattacks, with a generous floor. Run with: pytest -m speed."""

import statistics
from collections.abc import Callable
from functools import partial
from types import ModuleType

import pytest
import torch

from taet.study.params.load import load_params

torchattacks = pytest.importorskip(
    "torchattacks", reason="pip install --no-deps torchattacks==3.5.1"
)
from tests.contract.test_torchattacks import EPS, trained  # noqa: E402, F401  a fixture

REPEATS, FLOOR = 3, 1.4


@pytest.mark.speed
def test_an_evaluation_beats_torchattacks(
    benchmark_of: Callable[[str], ModuleType],
    trained,  # noqa: F811
) -> None:
    evaluation = benchmark_of("evaluation")
    torch.set_num_threads(1)
    subject = evaluation.Subject(*trained, load_params("params.yaml", "digits"))
    theirs = [
        torchattacks.PGD(subject.model, eps=EPS, alpha=EPS / 8, steps=steps) for steps in (20, 100)
    ]
    ratios = []
    for seed in range(1 + REPEATS):  # the first does not count
        ours = partial(subject.ours, ["pgd20", "pgd100"], EPS, seed)
        mine, robust = evaluation.timed(ours)
        peers, beside = evaluation.timed(partial(subject.theirs, *theirs))
        ratios.append(peers / mine)
        for one, other in zip(robust, beside, strict=True):
            assert 0.2 < other.float().mean() < 0.9, "the attack has work to do"
            assert one.float().mean() < other.float().mean() + 0.03, "as strong, up to its start"
    assert statistics.median(ratios[1:]) > FLOOR, ratios

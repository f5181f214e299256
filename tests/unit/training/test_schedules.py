"""Learning rates step by step, worked out by hand."""

import math
from typing import Any

import pytest

from taet.training.schedules import rate_factor
from taet.training_options import Cosine, Multistep

MULTISTEP = {"kind": "multistep", "milestones": [2, 4], "factor": 0.5, "compounding": False}
EPOCHS, PER_EPOCH = 6, 2


@pytest.mark.parametrize(
    ("changes", "by_epoch"),
    [
        ({}, [1, 1, 0.5, 0.5, 0.25, 0.25]),
        ({"factor": [0.5, 0.1]}, [1, 1, 0.5, 0.5, 0.05, 0.05]),
        ({"compounding": True}, [1, 1, 0.5, 0.25, 0.0625, 0.015625]),
        ({"milestones": []}, [1] * 6),
    ],
)
def test_multistep(changes: dict[str, Any], by_epoch: list[float]) -> None:
    schedule = Multistep(**MULTISTEP | changes)
    steps = EPOCHS * PER_EPOCH
    factors = [rate_factor(schedule, step, steps, step // PER_EPOCH) for step in range(steps)]
    assert factors == pytest.approx([factor for factor in by_epoch for _ in range(PER_EPOCH)])


@pytest.mark.parametrize(
    ("warmup", "expected"),
    [
        (0.0, [(1 + math.cos(math.pi * k / 8)) / 2 for k in range(8)]),
        (0.25, [1 / 3, 2 / 3, *((1 + math.cos(math.pi * k / 6)) / 2 for k in range(6))]),
        (1.0, [(k + 1) / 9 for k in range(8)]),
    ],
)
def test_cosine(warmup: float, expected: list[float]) -> None:
    schedule = Cosine(kind="cosine", warmup=warmup)
    assert [rate_factor(schedule, step, 8, step // 4) for step in range(8)] == pytest.approx(
        expected
    )

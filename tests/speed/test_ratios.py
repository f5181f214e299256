"""Ratios to the peers' way, with generous floors: a loss of speed is seen. Run with: pytest -m speed.

Left out otherwise: on a busy machine even ratios of interleaved runs are not sure.
"""

import statistics
from collections.abc import Callable
from types import ModuleType

import pytest
import torch

FLOORS = {"fp32": 1.1, "attack_bf16": 1.4, "bf16": 1.4}


@pytest.mark.speed
def test_a_training_step_beats_the_peers(benchmark_of: Callable[[str], ModuleType]) -> None:
    training_step = benchmark_of("training_step")
    torch.set_num_threads(1)
    works = training_step.works_of("at_bsl", 16, *training_step.made_up_batch())
    seconds = training_step.in_turn(works, 5)
    for precision, floor in FLOORS.items():
        ratios = [a / b for a, b in zip(seconds["peers"], seconds[precision], strict=True)]
        assert statistics.median(ratios) > floor, (precision, ratios)

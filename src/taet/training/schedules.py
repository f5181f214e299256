"""Learning rate as a pure function of the step, so that a schedule has no state to save."""

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from taet.training_options import Cosine, Multistep


def rate_factor(schedule: "Multistep | Cosine", step: int, steps: int, epoch: int) -> float:
    """Factor on the base learning rate.

    Args:
        schedule: see ``taet.training_options.Multistep`` and ``Cosine``.
        step: 0-based optimiser step, counted over all epochs.
        steps: optimiser steps of the whole run.
        epoch: 0-based epoch that the step belongs to.
    """
    if schedule.kind == "multistep":
        milestones, factors = schedule.milestones, schedule.factor
        if not isinstance(factors, list):
            factors = [factors] * len(milestones)
        epochs_since = [max(epoch - milestone + 1, 0) for milestone in milestones]
        powers = epochs_since if schedule.compounding else [min(n, 1) for n in epochs_since]
        return math.prod(f**power for f, power in zip(factors, powers, strict=True))
    if schedule.kind == "cosine":
        warmup = schedule.warmup * steps
        if step < warmup:
            return (step + 1) / (warmup + 1)
        return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(steps - warmup, 1)))
    raise ValueError(f"unknown schedule {schedule.kind!r}")

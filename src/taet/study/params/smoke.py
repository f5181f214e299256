"""A study made tiny, to see within minutes whether all of it works: ``--smoke``.

One imbalance ratio, one seed, few epochs, and few images unless the ratio is ``natural``, which takes all.
Data sets, networks, methods and attacks stay, and so does every number of a method but those that count
epochs. The accuracies mean nothing.
"""

import math
from typing import Any

from taet.options import MethodOptions
from taet.study.params.blocks import NATURAL, Params
from taet.training_options import Training

EPOCHS = 2  # where neither a schedule nor a chain of stages 1 need more
HEAD_IMAGES, TEST_IMAGES = 100, 10  # of a class, at most


def tiny(params: Params) -> dict[str, Any]:
    """What differs in the tiny study, as a block of ``studies`` has it.

    Args:
        params: the whole study.
    """
    depths = {name: _depth(params, name) for name in params.stabilizations}
    schedules = [training.schedule.fewest_epochs for training in _trainings(params)]
    epochs = max(EPOCHS, *schedules, *(1 + depth for depth in depths.values()))
    ratio = next((r for r in params.grid.imbalance_ratios if r != NATURAL), NATURAL)
    return {
        "grid": {"imbalance_ratios": [ratio], "seeds": params.grid.seeds[:1]},
        "datasets": {
            name: {"longtail": _longtail(params, name, ratio)} for name in params.grid.datasets
        },
        "training": _training(params.training, epochs),
        "stabilizations": {name: {"epochs": depth} for name, depth in depths.items()},
        # Each, since it may have epochs of its own; so may one that no grid names but --set does.
        "methods": {name: _method(method, epochs) for name, method in params.methods.items()},
    }


def _trainings(params: Params) -> list[Training]:
    return [params.training, *(method.training for method in params.methods.values())]


def _depth(params: Params, stabilization: str) -> int:
    """Stages 1 in the chain that ends with this one; each needs an epoch more than the one before."""
    before = params.stabilizations[stabilization].after
    return 1 if before is None else 1 + _depth(params, before)


def _training(training: Training, epochs: int) -> dict[str, Any]:
    schedule = training.schedule.shortened()
    return {"epochs": epochs} | ({"schedule": schedule} if schedule else {})


def _method(method: MethodOptions, epochs: int) -> dict[str, Any]:
    """Epochs of a method's own training, and options that begin in an epoch which is never reached now."""
    block: dict[str, Any] = {"training": _training(method.training, epochs)}
    for (*parents, option), begin in method.first_epochs().items():
        if begin >= epochs:
            inner = block
            for parent in parents:
                inner = inner.setdefault(parent, {})
            inner[option] = epochs - 1
    return block


def _longtail(params: Params, dataset: str, ratio: float | str) -> dict[str, Any]:
    """Few training and test images; all classes keep some."""
    longtail = params.datasets[dataset].longtail
    block: dict[str, Any] = {
        "test_per_class": min(longtail.test_per_class or TEST_IMAGES, TEST_IMAGES)
    }
    if not isinstance(ratio, str):
        fewest = max(HEAD_IMAGES, math.ceil(ratio))
        block["head_images"] = min(longtail.head_images or fewest, fewest)
    return block

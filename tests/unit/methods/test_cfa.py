"""CFA across epochs: shares of each class, what is attacked how far, and which weights are averaged."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from taet.networks.heads import build_head
from taet.networks.network import Network
from taet.training.method import Attacked, Batch, TrainingMethod
from tests.unit.methods.options import COMMON, make

COUNTS = [6, 3, 2, 1]
# One batch an epoch.
ONE_STEP = {"training": COMMON.model_copy(update={"batch_size": 12})}


def network() -> Network:
    made = Network(
        nn.Sequential(nn.BatchNorm2d(1), nn.Flatten()), build_head({"kind": "linear"}, 4, 4), None
    )
    return made.double()


def step(
    method: TrainingMethod, model: Network, labels: list[int], right: list[bool], epoch: int
) -> None:
    batch = Batch(torch.zeros(len(labels), 1, 2, 2), torch.tensor(labels), None, epoch)
    method.after_step(model, batch, Attacked(batch.x, {"correct": torch.tensor(right)}), 0.1)


def test_shares_are_of_the_classs_own_images() -> None:
    """Unequal counts, a class always right, one never, and one without an image in the second epoch."""
    method, model = make("cfa", COUNTS, {}), network()
    method.start_epoch(0)
    step(method, model, [0, 0, 0, 1, 2], [True, False, True, False, True], 0)
    step(method, model, [0, 3, 1], [False, True, False], 0)
    assert method.calibration(0.25, 1).tolist() == [1.0] * 4, "this epoch's hits count in the next"
    method.start_epoch(1)
    assert method.calibration(0.25, 1).tolist() == [0.75, 0.25, 1.25, 1.25]
    assert method.calibration(0.25, 0).tolist() == [1.0] * 4, "not before begin_epoch"
    step(method, model, [0, 1, 2], [True, True, False], 1)
    method.start_epoch(2)
    assert method.calibration(0.25, 2).tolist() == [1.25, 1.25, 0.25, 1.25]


def test_a_class_never_seen_is_not_calibrated() -> None:
    method = make("cfa", COUNTS, {})
    method.start_epoch(0)
    step(method, network(), [0, 2], [True, False], 0)
    method.start_epoch(1)
    assert method.calibration(0.5, 1).tolist() == [1.5, 1.0, 0.5, 1.0]


def test_hard_classes_have_the_smaller_radius_and_the_same_step_size() -> None:
    method = make("cfa", COUNTS, {})
    method.start_epoch(0)
    step(method, network(), [0, 1], [True, False], 0)
    method.start_epoch(1)
    batch = Batch(torch.zeros(3, 1, 2, 2), torch.tensor([1, 0, 0]), None, 1)
    eps, step_size = method.budget(batch)
    assert eps.tolist() == pytest.approx([0.1 * 0.35, 0.1 * 1.35, 0.1 * 1.35])
    assert step_size == 0.04


def weights_of(model: Network) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


# Share of class 1, the worst one, that is right in each epoch -> weights in the average after it, with epochs
# numbered as the weights are: 1, 2, 4, 8, 16. The first that passes is taken whole; decay is 0.75.
AVERAGES = [
    ([0, 0, 0, 0, 0], {}, [1, 2, 4, 8, 16]),
    ([1, 1, 1, 1, 1], {}, [1, 1.25, 1.9375, 3.453125, 6.58984375]),
    ([0, 1, 0, 0, 1], {}, [1, 2, 2, 2, 5.5]),
    ([1, 1, 1, 1, 0], {"average_begin_epoch": 3}, [1, 2, 4, 8, 8]),
    ([0.5, 0.5, 1, 0.5, 0.5], {"average_threshold": 0.5}, [1, 1.25, 1.9375, 3.453125, 6.58984375]),
    ([0.5, 0.5, 1, 0.5, 0.5], {"average_threshold": 0.51}, [1, 2, 4, 4, 4]),
]


@pytest.mark.parametrize(("worst", "changes", "expected"), AVERAGES)
@pytest.mark.parametrize("cut", [None, 1, 3])
def test_average(
    worst: list[float], changes: dict[str, Any], expected: list[float], cut: int | None
) -> None:
    """Every weight and batch-norm statistic is 2^epoch; with ``cut``, the run is resumed after so many epochs."""
    options = {"average_decay": 0.75, "average_threshold": 0.8} | changes | ONE_STEP
    method, model = make("cfa", COUNTS, {}, **options), network()
    for epoch, share in enumerate(worst):
        if epoch == cut:
            saved = {name: value.clone() for name, value in method.state().items()}
            between, model = weights_of(model), network()
            model.load_state_dict(between)
            method = make("cfa", COUNTS, {}, **options)
            method.load_state(saved)
        method.start_epoch(epoch)
        method.constrain(model)
        if epoch:
            assert_all(model, 2.0 ** (epoch - 1))  # the trained weights, not their average
        with torch.no_grad():
            for value in model.state_dict().values():
                value.fill_(2**epoch)
        step(method, model, [0, 1, 1, 0], [True, share > 0, share == 1, True], epoch)
        assert_all(model, expected[epoch], batches=2**epoch)


def assert_all(model: Network, value: float, batches: int | None = None) -> None:
    for name, weight in model.state_dict().items():
        counted = name.endswith("num_batches_tracked") and batches is not None
        assert set(weight.flatten().tolist()) == {batches if counted else value}, name


def test_the_average_takes_no_step_within_an_epoch() -> None:
    training = COMMON.model_copy(update={"batch_size": 6})
    method, model = make("cfa", COUNTS, {}, training=training), network()
    method.start_epoch(0)
    before = weights_of(model)
    step(method, model, [0, 1], [True, True], 0)
    method.constrain(model)
    assert method.trained == {}
    step(method, model, [0, 1], [True, True], 0)
    assert method.trained.keys() == before.keys()


@pytest.mark.parametrize(
    ("batch_size", "drop_last", "steps"),
    [(5, True, 2), (5, False, 3), (6, False, 2), (6, True, 2), (13, False, 1)],
)
def test_steps_of_an_epoch(batch_size: int, drop_last: bool, steps: int) -> None:
    training = COMMON.model_copy(update={"batch_size": batch_size, "drop_last": drop_last})
    assert make("cfa", COUNTS, {}, training=training).steps == steps


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"beta": None}, "both beta and regularization_base"),
        ({"regularization_base": None}, "both beta and regularization_base"),
        ({"weight_average": {"kind": "ema", "decay": 0.9}}, "averages its weights itself"),
        ({}, None),
        ({"beta": None, "regularization_base": None}, None),
    ],
)
def test_problems(changes: dict[str, Any], problem: str | None) -> None:
    message = make("cfa", COUNTS, {}, **changes).options.problem()
    assert (message is None) == (problem is None)
    assert problem is None or problem in str(message)

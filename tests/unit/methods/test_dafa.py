"""DAFA: weights from pairs of classes, when they are measured, and what they multiply."""

import numpy as np
import pytest
import torch

from taet.methods.dafa import class_weights
from taet.networks.network import Network
from taet.training.method import Attacked, Batch, TrainingMethod
from tests.unit.methods.options import make
from tests.unit.methods.papers import dafa_weights

COUNTS = [6, 3, 2]


def test_two_classes_by_hand() -> None:
    """The harder class gains 0.6 of its images' probability on the other times that one's own, 0.9."""
    sums, seen = torch.tensor([[9.0, 1.0], [1.2, 0.8]]), torch.tensor([10, 2])
    weights = class_weights(sums, seen, 1.0)
    assert weights.tolist() == pytest.approx([1 - 0.1 * 0.4, 1 + 0.6 * 0.9])
    assert class_weights(sums, seen, 0.5).tolist() == pytest.approx([1 - 0.02, 1 + 0.27])


def test_equally_hard_classes_both_lose() -> None:
    sums = torch.tensor([[0.7, 0.3], [0.3, 0.7]])
    assert class_weights(sums, torch.tensor([1, 1]), 1.0).tolist() == pytest.approx([0.79, 0.79])


@pytest.mark.parametrize("lam", [0.0, 0.4, 1.0])
def test_against_every_pair(lam: float) -> None:
    """Random probabilities and unequal counts; classes 2 and 5 have no image. No weight is below p_i(i)."""
    random = np.random.default_rng(3)
    for _ in range(20):
        similarity = random.dirichlet(np.full(7, 0.5), 7)
        seen = random.integers(1, 50, 7)
        seen[[2, 5]] = 0
        rows = [row.tolist() if n else None for row, n in zip(similarity, seen, strict=True)]
        weights = class_weights(torch.tensor(similarity * seen[:, None]), torch.tensor(seen), lam)
        assert weights.tolist() == pytest.approx(dafa_weights(rows, lam), rel=1e-12)
        assert weights[[2, 5]].tolist() == [1, 1]
        assert (weights >= torch.tensor(similarity).diagonal() - 1e-12)[seen > 0].all()


def step(method: TrainingMethod, epoch: int, labels: list[int], rows: list[list[float]]) -> None:
    batch = Batch(torch.zeros(len(labels), 1, 2, 2), torch.tensor(labels), None, epoch)
    attacked = Attacked(batch.x, {"probabilities": torch.tensor(rows)})
    model: Network = None  # type: ignore[assignment]
    method.after_step(model, batch, attacked, 0.1)


ROWS = [[0.8, 0.1, 0.1], [0.5, 0.4, 0.1], [0.6, 0.2, 0.2]]
OTHER = [[0.1, 0.1, 0.8]] * 3


def test_measured_in_the_last_epoch_of_the_warm_up_alone() -> None:
    method = make("dafa", COUNTS, {}, begin_epoch=2)
    for epoch, rows in enumerate((OTHER, ROWS, OTHER, OTHER)):
        method.start_epoch(epoch)
        if epoch < 2:
            assert method.weights.tolist() == [1, 1, 1]
        else:
            assert method.weights.tolist() == pytest.approx(dafa_weights(ROWS, 0.8))
        step(method, epoch, [0, 1, 2], rows)


def test_two_batches_count_as_one() -> None:
    method = make("dafa", COUNTS, {})
    method.start_epoch(0)
    step(method, 0, [0, 2, 0], [ROWS[0], ROWS[2], [0.6, 0.3, 0.1]])
    step(method, 0, [1], [ROWS[1]])
    method.start_epoch(1)
    means = [[0.7, 0.2, 0.1], ROWS[1], ROWS[2]]
    assert method.weights.tolist() == pytest.approx(dafa_weights(means, 0.8))


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_resumed(cut: int) -> None:
    method = make("dafa", COUNTS, {}, begin_epoch=2)
    for epoch, rows in enumerate((OTHER, ROWS, OTHER, OTHER)):
        if epoch == cut:
            saved = {name: value.clone() for name, value in method.state().items()}
            method = make("dafa", COUNTS, {}, begin_epoch=2)
            method.load_state(saved)
        method.start_epoch(epoch)
        step(method, epoch, [0, 1, 2], rows)
    assert method.weights.tolist() == pytest.approx(dafa_weights(ROWS, 0.8))


def test_after_a_longer_stage_one_the_first_epoch_is_measured() -> None:
    method = make("dafa", COUNTS, {}, begin_epoch=2)
    for epoch, rows in ((5, ROWS), (6, OTHER)):
        method.start_epoch(epoch)
        step(method, epoch, [0, 1, 2], rows)
    assert method.weights.tolist() == pytest.approx(dafa_weights(ROWS, 0.8))


def test_hard_classes_have_the_larger_radius_and_step_size() -> None:
    method = make("dafa", COUNTS, {})
    method.start_epoch(0)
    step(method, 0, [0, 1, 2], ROWS)
    method.start_epoch(1)
    hard, easy = method.weights[2].item(), method.weights[0].item()
    assert hard > 1 > easy
    eps, step_size = method.budget(Batch(torch.zeros(2, 1, 2, 2), torch.tensor([2, 0]), None, 1))
    assert eps.tolist() == pytest.approx([0.1 * hard, 0.1 * easy])
    assert step_size.tolist() == pytest.approx([0.04 * hard, 0.04 * easy])

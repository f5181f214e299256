"""FRL: errors of each class, multipliers over epochs, and the radius that follows them."""

import pytest
import torch

from taet.methods.frl import class_weights, excesses, limited
from taet.networks.network import Network
from taet.training.method import Attacked, Batch, TrainingMethod
from tests.unit.methods.options import make

COUNTS = [6, 3, 2]


def test_excesses_by_hand() -> None:
    """Clean errors 1/4 and 1/2, boundary errors 1/4 and 0; class 1 has no image and is in no mean."""
    sums = torch.tensor([[8.0, 6, 4], [0, 0, 0], [4, 2, 2]])
    clean, boundary = excesses(sums, (0.1, 0.2))
    assert clean.tolist() == pytest.approx([-0.125 - 0.1, 0, 0.125 - 0.1])
    assert boundary.tolist() == pytest.approx([0.125 - 0.2, 0, -0.125 - 0.2])


def test_multipliers_are_not_negative_and_limited_in_each_row() -> None:
    rows = torch.tensor([[0.1, -0.3, 0.2], [0.6, 0.0, 0.2]])
    expected = torch.tensor([[0.1, 0.0, 0.2], [0.375, 0.0, 0.125]])
    torch.testing.assert_close(limited(rows, 0.5), expected)


def test_weights_by_hand() -> None:
    rows = torch.tensor([[0.3, 0.0, 0.0], [0.0, 0.0, 0.0]])
    expected = torch.tensor([[1 / 3 + 0.2, 1 / 3 - 0.1, 1 / 3 - 0.1], [1 / 3] * 3])
    torch.testing.assert_close(class_weights(rows), expected)


def epoch(method: TrainingMethod, labels: list[int], clean: list[bool], robust: list[bool]) -> None:
    batch = Batch(torch.zeros(len(labels), 1, 2, 2), torch.tensor(labels), None, 0)
    attacked = Attacked(batch.x, {"correct": [torch.tensor(clean), torch.tensor(robust)]})
    model: Network = None  # type: ignore[assignment]
    method.after_step(model, batch, attacked, 0.1)


def radii(method: TrainingMethod) -> list[float]:
    eps, step_size = method.budget(Batch(torch.zeros(3, 1, 2, 2), torch.arange(3), None, 0))
    assert step_size == 0.04, "only the radius depends on the class"
    return (eps / 0.1).tolist()


def test_the_radius_follows_boundary_errors_between_its_limits() -> None:
    """Boundary errors 1, 0, 0 in every epoch: excesses 2/3 - 0.04 and -1/3 - 0.04."""
    method = make("frl", COUNTS, {}, radius_rate=0.1)
    assert radii(method) == [1, 1, 1]
    for passed, largest in enumerate([1.13353, 1.28488, 1.4, 1.4], 1):
        epoch(method, [0, 1, 2], [True, True, False], [False, True, False])
        method.start_epoch(passed)
        assert radii(method) == pytest.approx([largest, 0.98, 0.98], rel=1e-5)


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_resumed(cut: int) -> None:
    """Two batches an epoch; the rate is halved after two updates."""
    results = []
    for resumed in (False, True):
        method = make("frl", COUNTS, {}, multiplier_limit=0.99, rate=0.1)
        for passed in range(4):
            if resumed and passed == cut:
                saved = {name: value.clone() for name, value in method.state().items()}
                method = make("frl", COUNTS, {}, multiplier_limit=0.99, rate=0.1)
                method.load_state(saved)
            method.start_epoch(passed)
            epoch(method, [0, 1, 0], [True, False, True], [passed > 1, False, True])
            epoch(method, [2], [True], [False])
        method.start_epoch(4)
        results.append({name: value.tolist() for name, value in method.state().items()})
    assert results[0] == results[1]
    # Clean errors 0, 1, 0; their excess is 2/3 - 0.03; rates 0.1, 0.1, 0.05, 0.05.
    assert results[0]["multipliers"][0] == pytest.approx([0, 0.3 * (2 / 3 - 0.03), 0])
    assert results[0]["updates"] == 4

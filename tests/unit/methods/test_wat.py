"""WAT: costs of classes and of all images, and the weights that follow them."""

import pytest
import torch

from taet.methods.wat import mean_losses
from taet.networks.network import Network
from taet.training.method import Attacked, Batch, TrainingMethod
from tests.unit.methods.options import make
from tests.unit.methods.papers import wat_weights

COUNTS = [6, 3, 2]


def test_mean_losses_by_hand() -> None:
    """Of a class its own images count, of all images each one; class 1 has none."""
    sums = torch.tensor([[4.0, 2.0], [0.0, 0.0], [1.0, 3.0]])
    assert mean_losses(sums).tolist() == [0.5, 0.0, 3.0, 1.0]


def epoch(method: TrainingMethod, labels: list[int], losses: list[float]) -> None:
    batch = Batch(torch.zeros(len(labels), 1, 2, 2), torch.tensor(labels), None, 0)
    model: Network = None  # type: ignore[assignment]
    method.after_step(model, batch, Attacked(batch.x, {"losses": torch.tensor(losses)}), 0.1)


@pytest.mark.parametrize("cut", [1, 2, None])
def test_costs_add_up_over_epochs_and_a_resumed_run(cut: int | None) -> None:
    method = make("wat", COUNTS, {})
    assert method.weights.tolist() == [1, 1, 1, 1]
    for passed in range(2):
        if passed == cut:
            saved = {name: value.clone() for name, value in method.state().items()}
            method = make("wat", COUNTS, {})
            method.load_state(saved)
        method.start_epoch(passed)
        epoch(method, [0, 1, 0], [0.5, 2.0, 1.5])
        epoch(method, [2], [4.0 - passed])
    method.start_epoch(2)
    costs = [2.0, 4.0, 7.0, 2.0 + 7 / 4]
    assert method.weights.tolist() == pytest.approx(wat_weights(costs, 0.4), rel=1e-6)
    assert method.weights.sum().item() == pytest.approx(3)

"""Sums of classes: by hand, and the two ways of adding against each other."""

import pytest
import torch

from taet.training.class_sums import class_sums, product_sums


@pytest.mark.parametrize("add", [class_sums, product_sums])
def test_by_hand(add) -> None:
    values, y = torch.tensor([[1, 10], [2, 20], [4, 40]]), torch.tensor([2, 0, 2])
    assert add(values, y, 4).tolist() == [[2, 20], [0, 0], [5, 50], [0, 0]]
    assert add(values[:, 0].double(), y, 3).tolist() == [2.0, 0.0, 5.0]


def test_sums_and_gradients_of_a_gpu_are_those_of_a_processor() -> None:
    torch.manual_seed(0)
    values, y = torch.rand(128, dtype=torch.float64, requires_grad=True), torch.randint(9, (128,))
    sums = [add(values, y, 10) for add in (class_sums, product_sums)]
    torch.testing.assert_close(*sums)
    weights = torch.rand(10, dtype=torch.float64)
    torch.testing.assert_close(*(torch.autograd.grad(s @ weights, values)[0] for s in sums))

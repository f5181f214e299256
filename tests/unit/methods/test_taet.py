"""HARL against known vectors and against a second, slow, literal formula."""

import pytest
import torch

from taet.methods.taet import class_losses, harl


def literal_harl(values, labels, classes, alpha, beta, gamma, absent):
    """HARL class by class, as it is written."""
    per_class = []
    for c in range(classes):
        own = [v for v, y in zip(values, labels, strict=True) if y == c]
        if own:
            per_class.append(sum(own) / (len(own) + 1e-10))
        elif absent == "zero":
            per_class.append(0.0)
    mean = sum(per_class) / len(per_class)
    hdl = sum((v - mean) ** 2 for v in per_class) / len(per_class)
    total = sum(per_class) + 1e-10
    rcel = sum((v / total) ** 2 for v in per_class)
    return alpha * mean + beta * hdl + gamma * rcel


def test_harl_vector() -> None:
    per_class = torch.tensor([0.5, 1.0, 1.5, 2.0], dtype=torch.float64, requires_grad=True)
    loss = harl(per_class, torch.arange(4), 4, 0.1, 0.1, 0.1, "zero")
    loss.backward()
    assert loss.item() == pytest.approx(0.18625, abs=1e-9)
    expected = torch.tensor([-0.0205, 0.0085, 0.0375, 0.0665], dtype=torch.float64)
    torch.testing.assert_close(per_class.grad, expected, atol=1e-9, rtol=0)


@pytest.mark.parametrize("absent", ["zero", "skip"])
@pytest.mark.parametrize("classes", [2, 10, 100])
@pytest.mark.parametrize("batch", [1, 7, 64])
def test_harl_against_the_literal_formula(classes: int, batch: int, absent: str) -> None:
    torch.manual_seed(batch)
    values = torch.rand(batch, dtype=torch.float64) * 3
    labels = torch.randint(0, classes, (batch,))
    ours = harl(values, labels, classes, 0.7, 0.3, 0.2, absent)
    literal = literal_harl(values.tolist(), labels.tolist(), classes, 0.7, 0.3, 0.2, absent)
    assert ours.item() == pytest.approx(literal, rel=1e-12)


@pytest.mark.parametrize("absent", ["zero", "skip"])
def test_harl_gradient_by_finite_differences(absent: str) -> None:
    torch.manual_seed(0)
    values = (torch.rand(9, dtype=torch.float64) + 0.1).requires_grad_()
    labels = torch.tensor([0, 0, 1, 1, 1, 2, 4, 4, 0])
    torch.autograd.gradcheck(lambda v: harl(v, labels, 6, 0.1, 0.2, 0.3, absent), (values,))


def test_absent_classes_pull_the_mean_down_only_when_counted() -> None:
    values, labels = torch.tensor([1.0, 1.0]), torch.tensor([0, 1])
    assert harl(values, labels, 4, 1, 0, 0, "zero").item() == pytest.approx(0.5)
    assert harl(values, labels, 4, 1, 0, 0, "skip").item() == pytest.approx(1.0)


def test_class_losses_counts() -> None:
    losses, counts = class_losses(torch.tensor([1.0, 3.0, 5.0]), torch.tensor([2, 2, 0]), 4)
    torch.testing.assert_close(losses, torch.tensor([5.0, 0.0, 2.0, 0.0]))
    assert counts.tolist() == [1, 0, 2, 0]

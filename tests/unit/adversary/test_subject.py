"""A model under attack gives its own logits, in float32 and in eval mode, whatever mode it came in."""

import torch
from torch import Tensor, nn

from taet.adversary.subject import Subject

X = torch.rand(3, 1, 2, 2, generator=torch.Generator().manual_seed(0))


class Constant(nn.Module):
    """One row of logits for all images; in train mode their negative."""

    def __init__(self, row: list[float]) -> None:
        super().__init__()
        self.row = torch.tensor(row)

    def forward(self, x: Tensor) -> Tensor:
        return (-self.row if self.training else self.row).expand(len(x), -1) + 0 * x.sum()


def test_logits_are_the_models_own() -> None:
    row = [5.0, -3.0, 0.5]
    assert Subject(Constant(row).train())(X).tolist() == [row] * 3
    half = nn.Sequential(nn.Flatten(), nn.Linear(4, 3).bfloat16())
    logits = Subject(nn.Sequential(Half(), half))(X)
    assert logits.dtype == torch.float32
    torch.testing.assert_close(logits, half(X.bfloat16()).float())


class Half(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.bfloat16()


def test_a_class_that_is_left_out_is_below_all_others() -> None:
    logits = Subject(Constant([1.0, -torch.inf, 3.0]))(X)
    assert logits.tolist() == [[1.0, 2 * 1.0 - 3.0 - 1, 3.0]] * 3


def test_gradients_are_the_models_own() -> None:
    torch.manual_seed(0)
    linear = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))
    x = X.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(Subject(linear)(x)[:, 1].sum(), x)
    torch.testing.assert_close(gradient.flatten(1), linear[1].weight[1].expand(3, -1))

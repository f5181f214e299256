"""Models that want normalised images get a hint, others none."""

import pytest
import torch
from torch import Tensor, nn

import taet
from taet.api.hints import normalization_hint

Y = torch.arange(200) % 2
# The classes differ by the sign of what is left after normalisation: 0.6 is the mean of the images.
X = (0.6 + 0.1 * (2.0 * Y - 1)).view(-1, 1, 1, 1).expand(-1, 1, 4, 4).contiguous()


class Sign(nn.Module):
    """Class 1 where pixels are above a threshold."""

    def __init__(self, threshold: float) -> None:
        super().__init__()
        self.threshold = nn.Parameter(torch.tensor(threshold))

    def forward(self, x: Tensor) -> Tensor:
        above = (x - self.threshold).mean((1, 2, 3))
        return torch.stack((-above, above), 1)


def test_a_model_that_wants_normalised_images() -> None:
    hint = normalization_hint(Sign(0.0), X, Y, 64)
    assert hint is not None
    assert hint.startswith("classifies 100% of normalised images correctly, 50% of images in [0,1]")
    assert "n = 200" in hint


@pytest.mark.parametrize("threshold", [0.6, 2.0, -3.0])
def test_models_that_do_not(threshold: float) -> None:
    assert normalization_hint(Sign(threshold), X, Y, 64) is None


class Strict(Sign):
    """Refuses images beyond [0,1]."""

    def forward(self, x: Tensor) -> Tensor:
        assert 0 <= x.min() <= x.max() <= 1
        return super().forward(x)


def test_a_model_that_refuses_other_images() -> None:
    assert normalization_hint(Strict(0.0), X, Y, 64) is None


def test_few_images_prove_nothing() -> None:
    assert normalization_hint(Sign(0.0), X[:99], Y[:99], 64) is None


def test_the_hint_is_among_the_warnings() -> None:
    for model, hinted in ((Sign(0.0), True), (Sign(0.6), False)):
        table = taet.evaluate(model, (X, Y), "fgsm", eps=0.01)
        warnings = table["warnings"].dropna()
        assert any("put the normalisation inside" in text for text in warnings) == hinted
        attacked = taet.attack(model, X, Y, "fgsm", eps=0.01)
        assert any("normalisation inside" in text for text in attacked.warnings) == hinted

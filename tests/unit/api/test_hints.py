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
    shares = "classifies 100% of them correctly, 50% of images in [0,1]"
    assert hint.startswith(f"may want normalised images: {shares}")
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
    assert normalization_hint(Sign(0.0), X[:32], Y[:32], 64) is None
    assert normalization_hint(Sign(0.0), X[:36], Y[:36], 64) is not None


def test_one_class_proves_nothing() -> None:
    """Not even where it is the class of all of the first images."""
    noisy = X + 0.01 * torch.randn(X.shape, generator=torch.Generator().manual_seed(0))
    assert normalization_hint(Sign(0.65), noisy[Y == 0], Y[Y == 0], 64) is None
    assert normalization_hint(Sign(2.0), noisy[Y == 1], Y[Y == 1], 64) is None
    x, y = X.repeat(5, 1, 1, 1), Y.repeat(5).sort(descending=True).values
    x = x[torch.argsort(Y.repeat(5), descending=True)]
    hint = normalization_hint(Sign(0.0), x, y, 64)
    assert hint is not None
    assert "n = 512" in hint


def test_images_of_all_parts_are_judged() -> None:
    """Of 1,000 images of a class 256 are: here the first 256 suit the model in neither range."""
    y = torch.arange(2000) // 1000
    x = torch.where(y == 1, 0.7, 0.3)
    x[:256] = 0.9
    hint = normalization_hint(Sign(0.0), x.view(-1, 1, 1, 1).expand(-1, 1, 4, 4), y, 512)
    assert hint is not None
    assert "n = 512" in hint


class Flipping(nn.Module):
    """Wrong for some images that are given as they are, and for others that are normalised."""

    def __init__(self, wrong: int, wrong_normalized: int) -> None:
        super().__init__()
        self.wrong = nn.Parameter(torch.tensor([wrong, wrong_normalized]), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.arange(len(x)) // (len(x) // 2)  # the sample is in the order of the classes
        given, normalized = self.wrong.tolist()
        flipped = torch.arange(len(x)) >= len(x) - given
        if x.min() < 0:
            flipped = torch.arange(len(x)) < normalized
        return nn.functional.one_hot(y ^ flipped.long(), 2).float()


@pytest.mark.parametrize(
    ("wrong", "wrong_normalized", "hinted"),
    [
        (40, 0, True),
        (19, 0, False),
        (20, 0, True),
        (60, 20, True),
        (60, 30, False),
        (80, 60, False),
    ],
)
def test_the_difference_must_be_clear_and_large(
    wrong: int, wrong_normalized: int, hinted: bool
) -> None:
    hint = normalization_hint(Flipping(wrong, wrong_normalized), X, Y, 200)
    assert (hint is not None) == hinted


def test_the_hint_is_among_the_warnings() -> None:
    for model, hinted in ((Sign(0.0), True), (Sign(0.6), False)):
        table = taet.evaluate(model, (X, Y), "fgsm", eps=0.01)
        warnings = table["warnings"].dropna()
        assert any("put the normalisation inside" in text for text in warnings) == hinted
        attacked = taet.attack(model, X, Y, "fgsm", eps=0.01)
        assert any("normalisation inside" in text for text in attacked.warnings) == hinted

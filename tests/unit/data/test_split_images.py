"""Images as the training stages see them."""

import torch

from taet.data.split_images import SplitImages


def test_pixel_statistics_are_those_of_the_training_images() -> None:
    generator = torch.Generator().manual_seed(0)
    train, test = (torch.randint(0, 256, (n, 6, 6, 3), generator=generator, dtype=torch.uint8) for n in (40, 9))  # fmt: skip
    data = SplitImages({"train": train, "test": test}, {}, {}, torch.tensor([40]), 255, 3, 6)
    mean, std = data.pixel_statistics()
    pixels = train.double().reshape(-1, 3) / 255
    torch.testing.assert_close(torch.tensor(mean).double(), pixels.mean(0), rtol=0, atol=1e-7)
    expected = pixels.std(0, unbiased=False)
    torch.testing.assert_close(torch.tensor(std).double(), expected, rtol=0, atol=1e-7)


def test_images_are_handed_over_once() -> None:
    images = torch.zeros(2, 4, 4, 1, dtype=torch.uint8)
    data = SplitImages({"train": images}, {}, {}, torch.tensor([2]), 255, 1, 4)
    assert data.pop_images("train") is images
    assert data.images == {}

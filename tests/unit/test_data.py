"""Images as the training stages see them."""

import torch

from taet.stages._data import Data


def test_pixel_statistics_are_those_of_the_training_images() -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (50, 6, 6, 3), generator=generator, dtype=torch.uint8)
    train = torch.arange(10, 40)
    data = Data(images, torch.zeros(50), {"train": train}, 255, ["a"])
    mean, std = data.pixel_statistics()
    pixels = images[train].double().reshape(-1, 3) / 255
    torch.testing.assert_close(torch.tensor(mean).double(), pixels.mean(0), rtol=0, atol=1e-7)
    expected = pixels.std(0, unbiased=False)
    torch.testing.assert_close(torch.tensor(std).double(), expected, rtol=0, atol=1e-7)

"""Batches: every image with its own label, in another order for each epoch and each seed."""

import pytest
import torch

from taet.data.loader import Loader, to_pixels

COUNT = 10


def loader(seed: int = 0, drop_last: bool = False) -> Loader:
    """Images of which each pixel says which image it is, with labels that say the same."""
    images = torch.arange(COUNT, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 2, 3, 1)
    return Loader(images.clone(), 100 + torch.arange(COUNT), 20, 4, drop_last, seed)


def order(loader: Loader, epoch: int) -> list[int]:
    return torch.cat([y for _, y in loader.batches(epoch)]).tolist()


def test_every_image_once_with_its_label() -> None:
    for epoch in range(3):
        for x, y in loader().batches(epoch):
            assert (20 * x[:, 0, 0, 0]).round().tolist() == (y - 100).tolist()
        assert sorted(order(loader(), epoch)) == list(range(100, 100 + COUNT))


def test_orders_of_epochs_and_seeds() -> None:
    orders = [tuple(order(loader(seed), epoch)) for seed in range(3) for epoch in range(3)]
    assert len(set(orders)) == 9
    assert order(loader(2), 1) == order(loader(2), 1)


@pytest.mark.parametrize(("drop_last", "sizes"), [(False, [4, 4, 2]), (True, [4, 4])])
def test_sizes(drop_last: bool, sizes: list[int]) -> None:
    made = loader(drop_last=drop_last)
    assert [len(y) for _, y in made.batches(0)] == sizes
    assert len(made) == len(sizes)


def test_pixels() -> None:
    """Rows stay rows, columns columns, and white is 1."""
    image = torch.tensor(
        [[[0, 16], [4, 8]], [[2, 1], [16, 0]], [[8, 8], [1, 2]]], dtype=torch.uint8
    )
    pixels = to_pixels(image[None], 16)
    assert pixels.shape == (1, 2, 3, 2)
    assert pixels[0, 0].tolist() == [[0.0, 0.25], [0.125, 1.0], [0.5, 0.0625]]
    assert pixels[0, 1].tolist() == [[1.0, 0.5], [0.0625, 0.0], [0.5, 0.125]]

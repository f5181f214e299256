"""Images as the training stages see them."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from taet.data.split_images import SplitImages, read_data
from taet.study.store import artifacts


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


def test_images_of_a_list_are_those_of_its_indices(tmp_path: Path) -> None:
    """Neither sorted nor without gaps, as in a split; only the named lists are read."""
    values, labels = np.arange(7, dtype=np.uint8), np.array([2, 0, 1, 1, 0, 2, 1])
    images = np.broadcast_to(values[:, None, None, None], (7, 4, 3, 2))
    split = {"train": np.array([1, 3]), "test": np.array([6, 0, 5, 2])}
    whole, lists = (
        SimpleNamespace(output=tmp_path / name, key=name) for name in ("whole", "lists")
    )
    arrays = {"images": images, "labels": labels}
    artifacts.write_arrays(whole.output, arrays, whole.key, max_value=16)
    artifacts.write_arrays(lists.output, split, lists.key, class_counts=[4, 9, 3])
    job: Any = SimpleNamespace(inputs={"images": whole, "split": lists})
    data = read_data(job, "test")
    assert data.index.keys() == data.images.keys() == data.labels.keys() == {"test"}
    assert data.index["test"].tolist() == [6, 0, 5, 2]
    assert data.images["test"][:, 3, 2, 1].tolist() == [6, 0, 5, 2]
    assert data.labels["test"].tolist() == [1, 2, 2, 1]
    assert data.train_counts.tolist() == [4, 9, 3]
    assert (data.classes, data.max_value, data.channels, data.size) == (3, 16, 2, 4)

"""Images as tensors, for the stages that train and attack."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from taet.errors import UserError
from taet.study.store import artifacts

if TYPE_CHECKING:
    from taet.study.plan.job import Job


@dataclass
class SplitImages:
    """The images of some index lists of a data set, and facts about the whole set.

    Attributes:
        images: [n, H, W, C] uint8, by the name of the list (see ``taet.stages.subsample``).
        labels: [n] int64, likewise.
        index: [n] int64, the number of each image in the data set, likewise.
        train_counts: [C] int64, training images per class.
        max_value: pixel value of white.
        channels: of an image.
        size: pixels on each side.
    """

    images: dict[str, Tensor]
    labels: dict[str, Tensor]
    index: dict[str, Tensor]
    train_counts: Tensor
    max_value: int
    channels: int
    size: int

    @property
    def classes(self) -> int:
        return len(self.train_counts)

    def pop_images(self, name: str) -> Tensor:
        """Give the images of a list away, so that a large set is in memory once."""
        return self.images.pop(name)

    def pixel_statistics(self) -> tuple[list[float], list[float]]:
        """Mean and standard deviation of each channel over the training images, in [0,1] pixel range.

        From exact counts of pixel values: no float copy of the images, no rounding that depends on
        the order of summation.
        """
        train, values = self.images["train"], torch.arange(256).double()
        means, deviations = [], []
        for channel in range(self.channels):
            counts = torch.bincount(train[..., channel].flatten(), minlength=256).double()
            mean = (counts * values).sum() / counts.sum()
            variance = (counts * (values - mean).square()).sum() / counts.sum()
            if variance == 0:
                raise UserError(
                    f"normalization: per_channel: channel {channel} has the same value in every "
                    "training image, so it cannot be scaled; use: none"
                )
            means.append(mean.item() / self.max_value)
            deviations.append(variance.sqrt().item() / self.max_value)
        return means, deviations


def read_data(job: "Job", *names: str) -> SplitImages:
    """The images of the named lists of the job's split."""
    source, split_job = job.inputs["images"], job.inputs["split"]
    arrays, facts = artifacts.read_arrays(source.output, source.key)
    split, split_facts = artifacts.read_arrays(split_job.output, split_job.key)
    _, height, _, channels = arrays["images"].shape
    return SplitImages(
        images={name: torch.from_numpy(arrays["images"][split[name]]) for name in names},
        labels={name: torch.from_numpy(arrays["labels"][split[name]]) for name in names},
        index={name: torch.from_numpy(split[name]) for name in names},
        train_counts=torch.tensor(split_facts["class_counts"]),
        max_value=facts["max_value"],
        channels=channels,
        size=height,
    )

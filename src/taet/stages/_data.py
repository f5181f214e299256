"""Images and index lists as tensors, for the stages that train and attack."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from taet import artifacts

if TYPE_CHECKING:
    from taet.jobs import Job


@dataclass(frozen=True)
class Data:
    """What a training or attack job needs of a data set.

    Attributes:
        images: [N, H, W, C] uint8, all images of the set.
        labels: [N] int64.
        split: index lists into both, by name; see ``taet.stages.subsample``.
        max_value: what is white.
        class_names: one per class.
    """

    images: Tensor
    labels: Tensor
    split: dict[str, Tensor]
    max_value: int
    class_names: list[str]

    @property
    def channels(self) -> int:
        return self.images.shape[3]

    @property
    def size(self) -> int:
        return self.images.shape[1]

    @property
    def classes(self) -> int:
        return len(self.class_names)

    def pixel_statistics(self) -> tuple[list[float], list[float]]:
        """Mean and standard deviation of each channel over the training images, in [0,1] pixel range.

        From exact counts of pixel values: no float copy of the images, no rounding that depends on
        the order of summation.
        """
        train, values = self.images[self.split["train"]], torch.arange(256).double()
        means, deviations = [], []
        for channel in range(self.channels):
            counts = torch.bincount(train[..., channel].flatten(), minlength=256).double()
            mean = (counts * values).sum() / counts.sum()
            variance = (counts * (values - mean).square()).sum() / counts.sum()
            means.append(mean.item() / self.max_value)
            deviations.append(variance.sqrt().item() / self.max_value)
        return means, deviations

    def class_counts(self) -> Tensor:
        """Training images per class, [C] int64."""
        return torch.bincount(self.labels[self.split["train"]], minlength=self.classes)


def read_data(job: "Job") -> Data:
    """The images and the split that a job names as inputs."""
    images, facts = _read(job.inputs["images"])
    split, _ = _read(job.inputs["split"])
    return Data(
        images=torch.from_numpy(images["images"]),
        labels=torch.from_numpy(images["labels"]),
        split={name: torch.from_numpy(indices) for name, indices in split.items()},
        max_value=facts["max_value"],
        class_names=facts["class_names"],
    )


def _read(job: "Job") -> tuple[dict[str, Any], dict[str, Any]]:
    return artifacts.read_arrays(job.output, job.key)

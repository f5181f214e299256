"""CIFAR-10: 60,000 colour images of 32x32 pixels, 10 classes, official test set of 10,000."""

from pathlib import Path

from torchvision.datasets import CIFAR10

from taet.data.cifar import obtain_cifar
from taet.data.imageset import ImageSet
from taet.options import DatasetOptions


class Options(DatasetOptions):
    pass


def obtain(folder: Path, options: Options, mirror: str | None) -> ImageSet:
    """The official images, fetched if they are not in ``folder``; see ``obtain_cifar``."""
    return obtain_cifar(CIFAR10, folder, mirror)

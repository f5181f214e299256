"""CIFAR-10 and CIFAR-100: torchvision reads the official files; this fetches and verifies them.

Source: A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009. The official files
are pickles: torchvision checks the MD5 of each before it opens it.
"""

import shutil
from pathlib import Path

import numpy as np
from torchvision.datasets import CIFAR10

from taet.datasets._base import TEST, TRAIN, ImageSet
from taet.datasets._download import fetch, file_md5, mirror_folder, put_folder, unpack
from taet.errors import UserError


def obtain_cifar(cls: type[CIFAR10], folder: Path, mirror: str | None) -> ImageSet:
    """All images, training before test, in the official order.

    Args:
        cls: torchvision's class; it knows names, address and checksums.
        folder: where the unpacked folder of official files is, or will be.
        mirror: see ``taet.datasets._download``.

    Raises:
        UserError: the files cannot be had or are damaged.
    """
    if not _intact(cls, folder):
        _put_files(cls, folder, mirror)
        if not _intact(cls, folder):
            raise UserError(
                f"{folder / cls.base_folder}: its files are not the official ones; delete the folder "
                f"and {cls.filename} beside it, and run the same command again"
            )
    parts = [cls(str(folder), train=train) for train in (True, False)]
    sizes = [len(part.targets) for part in parts]
    return ImageSet(
        images=np.concatenate([part.data for part in parts]),
        labels=np.concatenate([part.targets for part in parts]).astype(np.int64),
        official=np.repeat(np.array([TRAIN, TEST], dtype=np.uint8), sizes),
        class_names=list(parts[0].classes),
        max_value=255,
    )


def _put_files(cls: type[CIFAR10], folder: Path, mirror: str | None) -> None:
    """Unpack the official archive, or copy what a mirror holds unpacked."""
    place, name = mirror_folder(mirror), cls.base_folder
    if place and not (place / cls.filename).exists() and _intact(cls, place):
        put_folder(folder / name, lambda scratch: shutil.copytree(place / name, scratch / name))
        return
    archive = folder / cls.filename
    fetch(cls.url, archive, cls.tgz_md5, mirror)
    unpack(archive, name)


def _intact(cls: type[CIFAR10], folder: Path) -> bool:
    files = [*cls.train_list, *cls.test_list, [cls.meta["filename"], cls.meta["md5"]]]
    paths = [(folder / cls.base_folder / name, md5) for name, md5 in files]
    return all(path.is_file() and file_md5(path) == md5 for path, md5 in paths)

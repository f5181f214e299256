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
        folder: where the unpacked folder of official files is, or will be; one beside it, as
            torchvision keeps several data sets, is used as well.
        mirror: see ``taet.datasets._download``.

    Raises:
        UserError: the files cannot be had or are damaged.
    """
    root = folder.parent if _broken(cls, folder) and not _broken(cls, folder.parent) else folder
    if _broken(cls, root):
        _put_files(cls, folder, mirror)
        if broken := _broken(cls, folder):
            raise UserError(
                f"{folder / cls.base_folder}: {broken} is not the official file; delete the folder and "
                f"{cls.filename} beside it, and run the same command again"
            )
    parts = [cls(str(root), train=train) for train in (True, False)]
    sizes = [len(part.targets) for part in parts]
    return ImageSet(
        images=np.concatenate([part.data for part in parts]),
        labels=np.concatenate([part.targets for part in parts]).astype(np.int64),
        official=np.repeat(np.array([TRAIN, TEST], dtype=np.uint8), sizes),
        class_names=list(parts[0].classes),
        max_value=255,
    )


def _put_files(cls: type[CIFAR10], folder: Path, mirror: str | None) -> None:
    """Copy what a mirror holds unpacked, or unpack the official archive."""
    place, name = mirror_folder(mirror), cls.base_folder
    if place and not _broken(cls, place):

        def copy(scratch: Path) -> None:
            (scratch / name).mkdir()
            for file, _ in _files(cls):  # one by one: nothing else, and not the folder's rights
                shutil.copyfile(place / name / file, scratch / name / file)

        put_folder(folder / name, copy)
        return
    if place and (place / name).is_dir() and not (place / cls.filename).exists():
        raise UserError(
            f"{place / name}: {_broken(cls, place)} is missing or not the official file; mend the mirror"
        )
    archive = folder / cls.filename
    fetch(cls.url, archive, cls.tgz_md5, mirror)
    unpack(archive, name)


def _files(cls: type[CIFAR10]) -> list[tuple[str, str]]:
    """Name and checksum of every official file."""
    return [*cls.train_list, *cls.test_list, (cls.meta["filename"], cls.meta["md5"])]


def _broken(cls: type[CIFAR10], root: Path) -> str | None:
    """The first official file that ``root`` does not hold intact."""
    for name, md5 in _files(cls):
        path = root / cls.base_folder / name
        if not path.is_file() or file_md5(path) != md5:
            return name
    return None

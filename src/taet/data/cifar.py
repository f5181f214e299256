"""CIFAR-10 and CIFAR-100: torchvision reads the official files; this fetches and verifies them.

Source: A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009. The official files
are pickles: torchvision checks the MD5 of each before it opens it.
"""

import shutil
from pathlib import Path

import numpy as np
from torchvision.datasets import CIFAR10

from taet.data.fetch import fetch, not_official, put_folder, unpack
from taet.data.imageset import TEST, TRAIN, ImageSet
from taet.data.transfer import mirror_folder
from taet.errors import UserError
from taet.study.store.contents import file_md5

SIZES = {"cifar-10-python.tar.gz": 170_498_071, "cifar-100-python.tar.gz": 169_001_437}  # bytes


def obtain_cifar(cls: type[CIFAR10], folder: Path, mirror: str | None) -> ImageSet:
    """All images, training before test, in the official order.

    Args:
        cls: torchvision's class; it knows names, address and checksums.
        folder: where the unpacked folder of official files is, or will be; one beside it, as
            torchvision keeps several data sets, is used as well.
        mirror: see ``taet.data.fetch``.

    Raises:
        UserError: the files cannot be had or are damaged.
    """
    root = folder.parent if _broken(cls, folder) and not _broken(cls, folder.parent) else folder
    if _broken(cls, root):
        _put_files(cls, folder, mirror)
        if broken := _broken(cls, folder):
            raise UserError(
                f"{broken}; delete the folder and {cls.filename} beside it, and run the same command again"
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
        raise UserError(f"{_broken(cls, place)}; mend the mirror")
    archive = folder / cls.filename
    try:
        fetch(cls.url, archive, cls.tgz_md5, mirror, SIZES[cls.filename])
    except UserError as error:
        if not (folder / name).is_dir():
            raise
        raise UserError(f"{_broken(cls, folder)}; {error}") from None
    unpack(archive, name)


def _files(cls: type[CIFAR10]) -> list[tuple[str, str]]:
    """Name and checksum of every official file."""
    return [*cls.train_list, *cls.test_list, (cls.meta["filename"], cls.meta["md5"])]


def _broken(cls: type[CIFAR10], root: Path) -> str | None:
    """The first official file that ``root`` does not hold intact, and what is wrong with it."""
    for name, md5 in _files(cls):
        path = root / cls.base_folder / name
        try:
            found = file_md5(path) if path.is_file() else None
        except OSError as error:
            return f"{path}: {error.strerror}"
        if found is None:
            return f"{path}: missing, or no regular file"
        if problem := not_official(found, md5):
            return f"{path}: {problem}"
    return None

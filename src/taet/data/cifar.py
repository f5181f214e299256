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
        cls: torchvision's class, with names, address and checksums of the files.
        folder: contains, or will contain, the unpacked folder of official files; one in the parent folder,
            where torchvision stores several data sets, is used too.
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
    """Copy a mirror's unpacked files, or unpack the official archive."""
    source, name = mirror_folder(mirror), cls.base_folder
    if source and not _broken(cls, source):

        def copy(scratch: Path) -> None:
            (scratch / name).mkdir()
            for file, _ in _files(
                cls
            ):  # one by one: no other files, and not the folder's permissions
                shutil.copyfile(source / name / file, scratch / name / file)

        put_folder(folder / name, copy)
        return
    if source and (source / name).is_dir() and not (source / cls.filename).exists():
        raise UserError(f"{_broken(cls, source)}; mend the mirror")
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
            actual_md5 = file_md5(path) if path.is_file() else None
        except OSError as error:
            return f"{path}: {error.strerror}"
        if actual_md5 is None:
            return f"{path}: missing, or no regular file"
        if problem := not_official(actual_md5, md5):
            return f"{path}: {problem}"
    return None

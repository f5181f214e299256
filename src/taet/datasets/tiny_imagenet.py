"""Tiny ImageNet: 110,000 colour images of 64x64 pixels, 200 classes of ImageNet; 50 of each class are tested.

Source: Y. Le and X. Yang, Tiny ImageNet Visual Recognition Challenge, Stanford CS 231N, 2015. The official
test images have no labels; as everywhere in the field, the annotated validation images are the test set.
Labels follow the alphabetical order of the WordNet numbers, as in torchvision's ``ImageFolder``.

Images are decoded out of the verified archive, and nothing is unpacked: no path in it can lead outside.
"""

import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from taet.data.decode import open_image
from taet.data.fetch import fetch
from taet.data.imageset import TEST, TRAIN, ImageSet
from taet.errors import UserError
from taet.options import DatasetOptions

URL = "https://cs231n.stanford.edu/tiny-imagenet-200.zip"
MD5 = "90528d7ca1a48142e341f4ef8d21d0de"
BYTES = 248_100_043
ROOT, ANNOTATIONS = "tiny-imagenet-200/", "val/val_annotations.txt"
SIDE = 64  # pixels
MODES = ("RGB", "L")  # of Pillow; grey images become colour ones with equal channels

Members = list[tuple[str, str]]  # name in the archive, WordNet number of the class


class Options(DatasetOptions):
    pass


def obtain(folder: Path, options: Options, mirror: str | None) -> ImageSet:
    """The official images, fetched if they are not in ``folder``: training, then validation as test set.

    Raises:
        UserError: the archive cannot be had, or is not the official one.
    """
    archive = folder / "tiny-imagenet-200.zip"
    fetch(URL, archive, MD5, mirror, BYTES)
    return read_archive(archive)


def read_archive(archive: Path) -> ImageSet:
    """All labelled images of an archive, each split in the order of classes and names.

    Raises:
        UserError: a file is missing, an image is damaged or of another kind, or a class has no name.
    """
    try:
        with zipfile.ZipFile(archive) as files:
            names = _class_names(files)
            splits = [_training(files, names), _annotated(files, names)]
            members = [member for split in splits for member in split]
            images = np.empty((len(members), SIDE, SIDE, 3), np.uint8)
            for image, (name, _) in zip(images, members, strict=True):
                image[:] = _pixels(files, name)
    except (UserError, KeyError, ValueError, OSError, zipfile.BadZipFile) as error:
        text = error.args[0] if isinstance(error, KeyError) else error
        raise UserError(f"{archive}: {text}; delete it and run the same command again") from None
    label_of = {wnid: label for label, wnid in enumerate(names)}
    return ImageSet(
        images=images,
        labels=np.array([label_of[wnid] for _, wnid in members], dtype=np.int64),
        official=np.repeat(np.array([TRAIN, TEST], np.uint8), [len(split) for split in splits]),
        class_names=list(names.values()),
        max_value=255,
    )


def _class_names(files: zipfile.ZipFile) -> dict[str, str]:
    """By WordNet number, in label order: the first word for a class; with its number where two share it."""
    words = dict(line.split("\t", 1) for line in _lines(files, "words.txt"))
    wnids = sorted(_lines(files, "wnids.txt"))
    if nameless := [wnid for wnid in wnids if wnid not in words]:
        raise UserError(f"words.txt: no name of class {nameless[0]}")
    first = {wnid: words[wnid].split(",")[0].strip() for wnid in wnids}
    times = Counter(first.values())
    return {wnid: name if times[name] == 1 else f"{name} ({wnid})" for wnid, name in first.items()}


def _training(files: zipfile.ZipFile, classes: dict[str, str]) -> Members:
    """The images ``train/CLASS/images/NAME.JPEG``."""
    members = []
    for name in sorted(files.namelist()):
        parts = name.removeprefix(f"{ROOT}train/").split("/")
        if name.endswith(".JPEG") and len(parts) == 3 and parts[1] == "images":
            if parts[0] not in classes:
                raise UserError(f"{name}: wnids.txt has no class {parts[0]}")
            members.append((name, parts[0]))
    return members


def _annotated(files: zipfile.ZipFile, classes: dict[str, str]) -> Members:
    """The validation images; a line of their table has name, class and a box, which is left out."""
    members = []
    for number, line in enumerate(_lines(files, ANNOTATIONS), 1):
        name, wnid, *_ = line.split("\t")
        if wnid not in classes:
            raise UserError(f"{ANNOTATIONS}:{number}: wnids.txt has no class {wnid}")
        members.append((f"{ROOT}val/images/{name}", wnid))
    return sorted(members, key=lambda member: (member[1], member[0]))


def _lines(files: zipfile.ZipFile, name: str) -> list[str]:
    return files.read(ROOT + name).decode().splitlines()


def _pixels(files: zipfile.ZipFile, name: str) -> Any:
    """An image as [64, 64, 3] uint8."""
    with files.open(name) as file, open_image(file, name) as image:
        if image.size != (SIDE, SIDE) or image.mode not in MODES:
            width, height = image.size
            raise UserError(
                f"{name}: {width}x{height} pixels of the kind {image.mode}; must be "
                f"{SIDE}x{SIDE} of {' or '.join(MODES)}"
            )
        return np.asarray(image.convert("RGB"), dtype=np.uint8)

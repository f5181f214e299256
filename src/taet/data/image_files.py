"""The user's own images: in a folder for each class, or listed with their labels in a CSV file.

They are under ``data/own/NAME``. Nothing about an image is guessed: an image that is damaged, transparent,
of 16 bits, or of another size than the first is refused by name.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from taet.data.decode import open_image
from taet.data.imageset import NO_SPLIT, TEST, TRAIN, VALIDATION, ImageSet
from taet.errors import UserError, suggest

SPLITS = {"train": TRAIN, "validation": VALIDATION, "val": VALIDATION, "test": TEST}
# Modes of Pillow, and the one that each is converted to without loss.
EXACT = {"L": "L", "RGB": "RGB", "1": "L", "P": "RGB"}
ORIENTATION = 0x0112  # of EXIF


@dataclass(frozen=True)
class ImageFile:
    """An image's file, the name of its class, and its official split."""

    file: Path
    label: str
    split: int


def own_folder(folder: Path) -> Path:
    """The folder of the user's own files of a data set, ``data/own/NAME``.

    Args:
        folder: the one of its images, ``data/raw/NAME``.
    """
    return folder.parents[1] / "own" / folder.name


def in_folders(own: Path) -> list[ImageFile]:
    """Images in ``CLASS/``, or in ``train/CLASS/``, ``test/CLASS/`` and perhaps ``validation/CLASS/``.

    Every file that is not hidden is an image.

    Raises:
        UserError: there is no image, or a folder of a class contains something else than files.
    """
    names = [folder.name for folder in _folders(own)]
    if {"train", "test"} <= set(names) <= set(SPLITS):
        classes = [(SPLITS[name], folder) for name in names for folder in _folders(own / name)]
    else:
        classes = [(NO_SPLIT, folder) for folder in _folders(own)]
    images = []
    for split, folder in classes:
        of_class = [ImageFile(file, folder.name, split) for file in _files(folder)]
        if not of_class:
            raise UserError(f"{folder}: no images; put some there, or remove the folder")
        images += of_class
    if not images:
        raise UserError(f"{own}: no images; put them into a folder for each class, {own}/CLASS/")
    return images


def in_table(own: Path, table: str = "labels.csv") -> list[ImageFile]:
    """Images listed in a CSV file with columns ``file``, ``label`` and perhaps ``split``.

    Raises:
        UserError: the file cannot be read, or one of its lines is wrong.
    """
    path = own / table
    rows = _rows(path)
    head = [name.strip() for name in next(rows, (1, []))[1]]
    if sorted(head) not in (["file", "label"], ["file", "label", "split"]):
        raise UserError(
            f"{path}:1: the first line is {head}; must be file,label or file,label,split"
        )
    images: dict[Path, ImageFile] = {}
    for line, values in rows:
        if not values:
            continue
        image = _of_line(own, head, values, f"{path}:{line}")
        if image.file in images:
            raise UserError(f"{path}:{line}: {values} names an image a second time")
        images[image.file] = image
    if not images:
        raise UserError(f"{path}: names no image; needs a line for each")
    return list(images.values())


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The rows of a CSV file, each with the number of its first line.

    Raises:
        UserError: the file cannot be read.
    """

    def unreadable(where: str, reason: object) -> UserError:
        return UserError(f"{where}: cannot be read: {reason}; must be a CSV file in UTF-8")

    try:
        data = path.read_bytes()
        text = data.decode("utf-8-sig")  # Excel begins a file with a byte order mark
    except OSError as error:
        raise unreadable(str(path), error.strerror) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise unreadable(f"{path}:{line}", error) from None
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        line = rows.line_num + 1
        try:
            yield line, next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            raise unreadable(f"{path}:{line}", error) from None


def read_images(files: list[ImageFile]) -> ImageSet:
    """The images in some files, official splits one after the other.

    Classes are in alphabetical order, or by number where all are numbers. If any image has colour, all are
    stored in colour.

    Raises:
        UserError: an image is damaged, or not like the others.
    """
    names = {file.label for file in files}
    numbers = all(name.isascii() and name.isdecimal() for name in names)
    class_names = sorted(names, key=lambda name: (int(name) if numbers else 0, name))
    label_of = {name: label for label, name in enumerate(class_names)}
    files = sorted(files, key=lambda file: file.split)
    arrays: list[Any] = []
    for image in files:
        array = _pixels(image.file)
        if arrays and array.shape[0] != arrays[0].shape[0]:
            raise UserError(
                f"{image.file}: {_size(array)} pixels, but {files[0].file} has {_size(arrays[0])}; "
                "make them of one size"
            )
        arrays.append(array)
    channels = max(array.shape[2] for array in arrays)
    return ImageSet(
        images=np.stack([np.broadcast_to(a, (*a.shape[:2], channels)) for a in arrays]),
        labels=np.array([label_of[f.label] for f in files], dtype=np.int64),
        official=np.array([f.split for f in files], dtype=np.uint8),
        class_names=class_names,
        max_value=255,
    )


def _folders(parent: Path) -> Iterator[Path]:
    if not parent.is_dir():
        raise UserError(
            f"{parent}: no such folder; put a folder for each class there, {parent}/CLASS/"
        )
    for path in sorted(parent.iterdir()):
        if path.is_dir() and not path.name.startswith("."):
            yield path


def _files(folder: Path) -> Iterator[Path]:
    for file in sorted(folder.iterdir()):
        if file.name.startswith("."):
            continue
        if not file.is_file():
            raise UserError(
                f"{file}: no file, but in the folder of a class; take it out (official splits are in folders "
                "train, test and perhaps validation, each with a folder for each class)"
            )
        yield file


def _of_line(own: Path, head: list[str], values: list[str], where: str) -> ImageFile:
    if len(values) != len(head):
        raise UserError(f"{where}: {len(values)} values; must be {len(head)}, as in the first line")
    row = dict(zip(head, (value.strip() for value in values), strict=True))
    file, split = Path(row["file"]), row.get("split")
    if not row["label"]:
        raise UserError(f"{where}: no label")
    if split is not None and split not in SPLITS:
        raise UserError(f"{where}: no split {split!r}{suggest(split, SPLITS)}")
    if file.is_absolute() or ".." in file.parts or not (own / file).is_file():
        raise UserError(f"{where}: no file {row['file']!r} in {own}")
    return ImageFile(own / file, row["label"], NO_SPLIT if split is None else SPLITS[split])


def _pixels(file: Path) -> Any:
    """An image as [H, H, 1 or 3] uint8."""
    with open_image(file, str(file), "; mend or remove it") as image:
        if problem := _problem(image):
            raise UserError(f"{file}: {problem}")
        array = np.asarray(image.convert(EXACT[image.mode]), dtype=np.uint8)
    return array if array.ndim == 3 else array[..., None]


def _problem(image: Image.Image) -> str | None:
    """Why an image cannot be stored without a guess; None where it can."""
    width, height = image.size
    if width != height:
        return f"{width}x{height} pixels; must be square"
    if getattr(image, "n_frames", 1) > 1:
        return "has several frames; store one image in a file"
    if image.mode.endswith(("A", "a")) or "transparency" in image.info:
        return "is transparent; put it on a background, and store it without alpha"
    # Pillow cuts colours of 16 bits to 8 when it reads them; only the tile says so.
    tiles = getattr(image, "tile", [])
    if image.mode in ("I", "F") or "16" in image.mode or any(";16" in str(t[3]) for t in tiles):
        return "has more than 8 bits a channel; scale its values to 8 bits"
    if image.mode not in EXACT:
        return f"has colours of the kind {image.mode}; store it in grey or RGB"
    if image.getexif().get(ORIENTATION, 1) != 1:
        return "is turned only by its EXIF data; turn its pixels, and store it without"
    return None


def _size(array: Any) -> str:
    return f"{array.shape[1]}x{array.shape[0]}"

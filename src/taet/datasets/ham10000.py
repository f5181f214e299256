"""HAM10000: 10,015 skin lesions in colour, seven naturally imbalanced classes, split by lesion.

Source: Tschandl, Rosendahl and Kittler, Scientific Data 2018 (CC BY-NC 4.0). The user puts the images, in
any folders, and ``HAM10000_metadata.csv`` below ``data/own/NAME``. An image is cut to its central square
and scaled by Pillow's bicubic filter.

Not DermaMNIST, which also comes from these images: of its 2,005 test images 693 show a lesion that has a
training image. Here all images of a lesion are in one split, which the hash of its name decides.
"""

import csv
import hashlib
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
from PIL import Image

from taet.data.decode import open_image
from taet.data.image_files import own_folder
from taet.data.imageset import TEST, TRAIN, VALIDATION, ImageSet
from taet.errors import UserError
from taet.options import Count, DatasetOptions, Field, Share

METADATA = "HAM10000_metadata.csv"
COLUMNS = ("lesion_id", "image_id", "dx")
CLASSES = {
    "akiec": "actinic keratosis",
    "bcc": "basal cell carcinoma",
    "bkl": "benign keratosis",
    "df": "dermatofibroma",
    "mel": "melanoma",
    "nv": "nevus",
    "vasc": "vascular lesion",
}
SUFFIXES = {".jpg", ".jpeg", ".png"}


class Options(DatasetOptions):
    official_validation: ClassVar[bool] = True

    size: Count
    """Pixels on each side."""
    test_share: Annotated[Share, Field(gt=0)]
    """Share of the lesions that are tested, on average."""
    validation_share: Annotated[Share, Field(gt=0)]
    """Share of the lesions that are held back for validation, on average."""

    def problem(self) -> str | None:
        if self.test_share + self.validation_share >= 1:
            return "test_share and validation_share leave no lesion to train on; lower them"
        return None


def sources(folder: Path, options: Options) -> list[Path]:
    """The files that ``obtain`` reads."""
    own = own_folder(folder)
    files = _image_files(own)
    return [own / METADATA, *(files[row["image_id"]] for row in _rows(own, files))]


def obtain(folder: Path, options: Options, mirror: str | None) -> ImageSet:
    """All images: training, validation, test, each in the order of their names.

    Raises:
        UserError: a file is missing or damaged, or a line of the metadata is wrong.
    """
    own = own_folder(folder)
    files = _image_files(own)
    rows = sorted(
        (split_of(row["lesion_id"], options), row["image_id"], row["dx"])
        for row in _rows(own, files)
    )
    label_of = {dx: label for label, dx in enumerate(CLASSES)}
    return ImageSet(
        images=np.stack([_pixels(files[image], options.size) for _, image, _ in rows]),
        labels=np.array([label_of[dx] for _, _, dx in rows], dtype=np.int64),
        official=np.array([split for split, _, _ in rows], dtype=np.uint8),
        class_names=list(CLASSES.values()),
        max_value=255,
    )


def split_of(lesion: str, options: Options) -> int:
    """The split of all images of a lesion."""
    share = int.from_bytes(hashlib.sha256(lesion.encode()).digest()[:8], "big") / 2**64
    if share < options.test_share:
        return TEST
    return VALIDATION if share < options.test_share + options.validation_share else TRAIN


def _image_files(own: Path) -> dict[str, Path]:
    """The image files by the name of the image."""
    files: dict[str, Path] = {}
    for file in sorted(own.rglob("*")):
        if file.suffix.lower() in SUFFIXES:
            if file.stem in files:
                raise UserError(
                    f"{file}: {files[file.stem]} is of the same image; remove one of them"
                )
            files[file.stem] = file
    return files


def _rows(own: Path, files: dict[str, Path]) -> list[dict[str, str]]:
    """The lines of the metadata, checked."""
    path = own / METADATA
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, strict=True)
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{path}: cannot be read: {reason}; it comes with HAM10000") from None
    if not rows:
        raise UserError(f"{path}: names no image; it comes with HAM10000")
    lines: dict[str, int] = {}
    for line, row in rows:
        if missing := [column for column in COLUMNS if not row.get(column)]:
            raise UserError(f"{path}:{line}: no value of {missing[0]}")
        if row["dx"] not in CLASSES:
            raise UserError(
                f"{path}:{line}: dx is {row['dx']!r}; must be one of {', '.join(CLASSES)}"
            )
        if row["image_id"] not in files:
            raise UserError(f"{path}:{line}: no image {row['image_id']}.jpg or .png below {own}")
        if row["image_id"] in lines:
            first = lines[row["image_id"]]
            raise UserError(
                f"{path}:{line}: {row['image_id']} is in line {first} too; remove one of them"
            )
        lines[row["image_id"]] = line
    return [row for _, row in rows]


def _pixels(file: Path, size: int) -> Any:
    """An image as [size, size, 3] uint8."""
    with open_image(file, str(file)) as image:
        side = min(image.size)
        left, top = ((edge - side) // 2 for edge in image.size)
        square = image.convert("RGB").crop((left, top, left + side, top + side))
        scaled = square.resize((size, size), Image.Resampling.BICUBIC)
        return np.asarray(scaled, dtype=np.uint8)

"""``ImageSet``: what a data set plugin returns, and the checks that it must pass."""

import unicodedata
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from taet.errors import UserError

# Codes of ``ImageSet.official``: which official split an image belongs to.
TRAIN, VALIDATION, TEST, NO_SPLIT = 0, 1, 2, 255
LONGEST_NAME = 100  # characters
DARKEST = 4  # the largest value is at least max_value / 4; otherwise max_value is taken as wrong


@dataclass(frozen=True)
class ImageSet:
    """All images of a data set, official splits one after the other.

    Attributes:
        images: [N, H, W, C] uint8, channels last, C is 1 or 3.
        labels: [N] int64, 0 <= label < number of classes.
        official: [N] uint8, TRAIN, VALIDATION, TEST, or NO_SPLIT where the set has no splits.
        class_names: one per class, in label order: distinct, one line each; see ``check_image_set``.
        max_value: value of white: images / max_value lies in [0,1], and eps is a share of it.
    """

    images: "np.ndarray[Any, np.dtype[np.uint8]]"
    labels: "np.ndarray[Any, np.dtype[np.int64]]"
    official: "np.ndarray[Any, np.dtype[np.uint8]]"
    class_names: list[str]
    max_value: int


def check_image_set(image_set: ImageSet) -> None:
    """Check what a data set plugin returns, before anything is made from it.

    Raises:
        UserError: names, shapes, types, values, labels or splits are not as ``ImageSet`` says; all images
            are the same, or far darker than ``max_value``; or a class has too few images.
    """
    images, labels = image_set.images, image_set.labels
    count, classes = len(images), len(image_set.class_names)
    _check_names(image_set.class_names)
    _check_images(images, image_set.max_value)
    for name, array, dtype in (
        ("labels", labels, np.int64),
        ("splits", image_set.official, np.uint8),
    ):
        if array.shape != (count,) or array.dtype != dtype:
            raise UserError(
                f"{name} are {array.dtype} of the shape {array.shape}; must be "
                f"{np.dtype(dtype)}, one for each of the {count} images"
            )
    if labels.min() < 0 or labels.max() >= classes:
        raise UserError(
            f"labels go from {labels.min()} to {labels.max()}; must be from 0 to {classes - 1}"
        )
    if all(np.array_equal(image, images[0]) for image in images):
        raise UserError(f"all {count} images are the same one; look at how they are read")
    splits = set(np.unique(image_set.official).tolist())
    if splits != {NO_SPLIT} and not {TRAIN, TEST} <= splits <= {TRAIN, VALIDATION, TEST}:
        raise UserError(
            f"splits are {sorted(splits)}; must be NO_SPLIT ({NO_SPLIT}) for all images, or TRAIN "
            f"({TRAIN}) and TEST ({TEST}), and VALIDATION ({VALIDATION}) where there is one"
        )
    _check_counts(image_set)


def _check_images(images: "np.ndarray[Any, np.dtype[np.uint8]]", max_value: int) -> None:
    """Shape, type and values."""
    if type(max_value) is not int:
        raise UserError(f"max_value is {max_value!r}; must be a whole number up to 255")
    if images.ndim != 4 or images.shape[3] not in (1, 3) or not images.size:
        raise UserError(f"images have the shape {images.shape}; must be [N, H, W, 1 or 3]")
    if images.shape[1] != images.shape[2]:
        raise UserError(f"images are {images.shape[1]}x{images.shape[2]}; must be square")
    if images.dtype != np.uint8 or not 0 < images.max() <= max_value <= 255:
        raise UserError(
            f"images are {images.dtype} up to {images.max()}; must be uint8, 1 to {max_value}"
        )
    if int(images.max()) * DARKEST < max_value:
        raise UserError(
            f"images go up to {images.max()} while max_value is {max_value}, so all would be almost "
            f"black; set max_value to {images.max()}, what is white, or scale the images"
        )


def _check_names(names: list[str]) -> None:
    """Names are printed in tables, figures and CSV files, where two classes of one name would be one."""
    if not isinstance(names, (list, tuple)) or len(names) < 2:
        raise UserError(
            f"class names are {names!r}; must be a list of at least 2, one for each class"
        )
    for c, name in enumerate(names):
        if not isinstance(name, str):
            raise UserError(f"class names: that of class {c} is {name!r}; must be text")
        if not (name.isprintable() and name == name.strip() and 0 < len(name) <= LONGEST_NAME):
            raise UserError(
                f"class names: that of class {c} is {name[: LONGEST_NAME + 1]!r}; must be one line of 1 to "
                f"{LONGEST_NAME} printable characters, without a space at its ends"
            )
    printed = [" ".join(unicodedata.normalize("NFC", name).split()) for name in names]
    (name, times), *_ = Counter(printed).most_common(1)
    if times > 1:
        same = " and ".join(str(c) for c, other in enumerate(printed) if other == name)
        raise UserError(f"class names: those of classes {same} are {name!r}; must be distinct")


def _check_counts(image_set: ImageSet) -> None:
    """Each class needs training images and test images, whatever the parameters are."""
    names, split = image_set.class_names, image_set.official
    if (split == NO_SPLIT).all():
        needs = [("", image_set.labels, 2, "one to train on and one to hold out")]
    else:
        needs = [
            (f"{what} ", image_set.labels[split == code], 1, "in each of these splits")
            for what, code in (("training", TRAIN), ("test", TEST))
        ]
    for what, labels, least, why in needs:
        counts = np.bincount(labels, minlength=len(names))
        few = np.flatnonzero(counts < least)
        if len(few):
            c, others = few[0], f", and {len(few) - 1} more" if len(few) > 1 else ""
            raise UserError(
                f"class {c} ({names[c]}) has {counts[c] or 'no'} {what}image{others}; a class "
                f"needs {least}, {why}: add images, or leave the class out (labels and class_names)"
            )

"""What every data set hands over."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from taet.errors import UserError

# Codes of ``ImageSet.official``: which official split an image belongs to.
TRAIN, VALIDATION, TEST, NO_SPLIT = 0, 1, 2, 255


@dataclass(frozen=True)
class ImageSet:
    """All images of a data set, official splits one after the other.

    Attributes:
        images: [N, H, W, C] uint8, channels last, C is 1 or 3.
        labels: [N] int64, 0 <= label < number of classes.
        official: [N] uint8, TRAIN, VALIDATION, TEST, or NO_SPLIT where the set has no splits.
        class_names: one per class, in label order.
        max_value: what is white: images / max_value lies in [0,1].
    """

    images: "np.ndarray[Any, np.dtype[np.uint8]]"
    labels: "np.ndarray[Any, np.dtype[np.int64]]"
    official: "np.ndarray[Any, np.dtype[np.uint8]]"
    class_names: list[str]
    max_value: int


def verify(found: ImageSet) -> None:
    """Check what a data set's file hands over before anything is made from it.

    Raises:
        UserError: shapes, types, values, labels or splits are not as ``ImageSet`` says, or a class
            has no image.
    """
    images, labels, classes = found.images, found.labels, len(found.class_names)
    count = len(images)
    if not all(isinstance(name, str) and name for name in found.class_names):
        raise UserError(f"class names are {found.class_names}; must be text, one for each class")
    if type(found.max_value) is not int:
        raise UserError(f"max_value is {found.max_value!r}; must be a whole number up to 255")
    if images.ndim != 4 or images.shape[3] not in (1, 3) or not images.size:
        raise UserError(f"images have the shape {images.shape}; must be [N, H, W, 1 or 3]")
    if images.shape[1] != images.shape[2]:
        raise UserError(f"images are {images.shape[1]}x{images.shape[2]}; must be square")
    if images.dtype != np.uint8 or not 0 < images.max() <= found.max_value <= 255:
        raise UserError(
            f"images are {images.dtype} up to {images.max()}; must be uint8, 1 to {found.max_value}"
        )
    for name, array, dtype in (("labels", labels, np.int64), ("splits", found.official, np.uint8)):
        if array.shape != (count,) or array.dtype != dtype:
            raise UserError(
                f"{name} are {array.dtype} of the shape {array.shape}; must be "
                f"{np.dtype(dtype)}, one for each of the {count} images"
            )
    if labels.min() < 0 or labels.max() >= classes:
        raise UserError(
            f"labels go from {labels.min()} to {labels.max()}; must be from 0 to {classes - 1}"
        )
    missing = np.flatnonzero(np.bincount(labels, minlength=classes) == 0)
    if len(missing):
        raise UserError(
            f"class {missing[0]} ({found.class_names[missing[0]]}) has no image; "
            "the files are not those of the data set"
        )
    splits = set(np.unique(found.official).tolist())
    if splits != {NO_SPLIT} and not {TRAIN, TEST} <= splits <= {TRAIN, VALIDATION, TEST}:
        raise UserError(
            f"splits are {sorted(splits)}; must be NO_SPLIT ({NO_SPLIT}) for all images, or TRAIN "
            f"({TRAIN}) and TEST ({TEST}), and VALIDATION ({VALIDATION}) where there is one"
        )

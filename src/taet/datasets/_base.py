"""What every data set hands over."""

from dataclasses import dataclass
from typing import Any

import numpy as np

# Codes of ``ImageSet.official``: which official split an image belongs to.
TRAIN, VALIDATION, TEST, NO_SPLIT = 0, 1, 2, 255


@dataclass(frozen=True)
class ImageSet:
    """All images of a data set, official splits one after the other.

    Attributes:
        images: [N, H, W, C] uint8, channels last.
        labels: [N] int64, 0 <= label < C.
        official: [N] uint8, TRAIN, VALIDATION, TEST, or NO_SPLIT where the set has no splits.
        class_names: one per class, in label order.
        max_value: what is white: images / max_value lies in [0,1].
    """

    images: "np.ndarray[Any, np.dtype[np.uint8]]"
    labels: "np.ndarray[Any, np.dtype[np.int64]]"
    official: "np.ndarray[Any, np.dtype[np.uint8]]"
    class_names: list[str]
    max_value: int

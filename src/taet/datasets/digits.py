"""Handwritten digits: 1,797 real grey images of 8x8 pixels, 10 classes; ships with scikit-learn.

Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning
Repository, 1998 (the test part, as scikit-learn packages it). Values 0..16. There is no official
split: every seed draws its own balanced test set.
"""

import hashlib
from pathlib import Path

import numpy as np

from taet.data.imageset import NO_SPLIT, ImageSet
from taet.errors import UserError
from taet.options import DatasetOptions

SHA256 = "65e5b4619795efb40c1082f4c350c049e4ad552200d369b6ae99e21eef5e72c5"


class Options(DatasetOptions):
    pass


def obtain(folder: Path, options: Options, mirror: str | None) -> ImageSet:
    """Read the images from the installed scikit-learn and verify them; nothing is downloaded.

    Raises:
        UserError: scikit-learn's copy is not the one this project knows.
    """
    from sklearn.datasets import load_digits  # here: importing it takes half a second

    bunch = load_digits()
    images = bunch.images.astype(np.uint8)[..., None]
    labels = bunch.target.astype(np.int64)
    if hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest() != SHA256:
        raise UserError(
            "digits: scikit-learn's images are not the known ones; reinstall scikit-learn"
        )
    official = np.full(len(labels), NO_SPLIT, dtype=np.uint8)
    return ImageSet(images, labels, official, [str(c) for c in range(10)], max_value=16)

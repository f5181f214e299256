"""MedMNIST: medical images of 28x28 to 224x224 pixels, grey or colour, with an official split in three.

Source: J. Yang et al., MedMNIST v2, Scientific Data 2023. The package ``medmnist`` knows address,
checksum and class names of each set; the file is a NumPy archive, opened only after its checksum is
right, and never unpickled. Classes are naturally imbalanced, so the imbalance ratio can be ``natural``.
"""

import zipfile
import zlib
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from taet.data.fetch import fetch
from taet.data.imageset import TEST, TRAIN, VALIDATION, ImageSet
from taet.errors import UserError
from taet.options import DatasetOptions

SPLITS = {"train": TRAIN, "val": VALIDATION, "test": TEST}


class Options(DatasetOptions):
    official_validation: ClassVar[bool] = True

    flag: Literal[
        "pathmnist",
        "chestmnist",
        "dermamnist",
        "octmnist",
        "pneumoniamnist",
        "retinamnist",
        "breastmnist",
        "bloodmnist",
        "tissuemnist",
        "organamnist",
        "organcmnist",
        "organsmnist",
    ]
    """Which set, by its official name. ChestMNIST has several labels an image and is refused."""
    size: Literal[28, 64, 128, 224]
    """Pixels on each side."""


def obtain(folder: Path, options: Options, mirror: str | None) -> ImageSet:
    """The official images, fetched if they are not in ``folder``: training, validation, test.

    Raises:
        UserError: an image of the set has several labels, or the file cannot be had or is damaged.
    """
    from medmnist import INFO  # here: it imports torch

    info, suffix = INFO[options.flag], "" if options.size == 28 else f"_{options.size}"
    if "multi-label" in info["task"]:
        raise UserError(
            f"{options.flag} has several labels an image; class counts, balanced accuracy and all "
            "methods here need exactly one"
        )
    archive = folder / f"{options.flag}{suffix}.npz"
    fetch(
        info[f"url{suffix}"], archive, info[f"MD5{suffix}"], mirror, _max_bytes(info, options.size)
    )
    names = [name for _, name in sorted(info["label"].items(), key=_number)]
    image_set = read_archive(archive, names)
    width = image_set.images.shape[1]
    if width != options.size:
        raise UserError(f"{archive}: images are {width} pixels wide, not {options.size}")
    return image_set


def _max_bytes(info: dict[str, Any], size: int) -> int:
    """Largest plausible size of an archive in bytes: that without compression."""
    image_bytes = size * size * info["n_channels"] + 8  # 8: the label
    return int(1.01 * sum(info["n_samples"].values()) * image_bytes) + (1 << 20)


def read_archive(archive: Path, class_names: list[str]) -> ImageSet:
    """A verified archive: arrays ``SPLIT_images`` [n, H, W] or [n, H, W, 3] and ``SPLIT_labels`` [n, 1].

    Raises:
        UserError: the archive cannot be read, or an array is missing or not as above.
    """
    images, labels = [], []
    try:
        with archive.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            for split in SPLITS:
                images.append(arrays[f"{split}_images"])
                labels.append(_one_label(arrays[f"{split}_labels"], len(images[-1])))
        pixels = np.concatenate(images)
    except (KeyError, ValueError, TypeError, OSError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(
            f"{archive}: not a MedMNIST archive ({error}); delete it and try again"
        ) from None
    return ImageSet(
        images=pixels if pixels.ndim == 4 else pixels[..., None],
        labels=np.concatenate(labels),
        official=np.repeat(np.array(list(SPLITS.values()), np.uint8), [len(x) for x in images]),
        class_names=class_names,
        max_value=255,
    )


def _one_label(labels: Any, images: int) -> "np.ndarray[Any, np.dtype[np.int64]]":
    """Labels [n, 1] or [n] as [n].

    Raises:
        ValueError: there is not exactly one whole number for each image.
    """
    if labels.shape not in ((images, 1), (images,)) or labels.dtype.kind not in "iu":
        raise ValueError(
            f"labels are {labels.dtype} of the shape {labels.shape}, for {images} images"
        )
    return labels.reshape(-1).astype(np.int64)  # type: ignore[no-any-return]


def _number(entry: tuple[str, Any]) -> int:
    return int(entry[0])

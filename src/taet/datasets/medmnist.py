"""MedMNIST: medical images of 28x28 to 224x224 pixels, grey or colour, with an official split in three.

Source: J. Yang et al., MedMNIST v2, Scientific Data 2023. The package ``medmnist`` knows address,
checksum and class names of each set; the file is a NumPy archive, opened only after its checksum is
right, and never unpickled. Classes are naturally imbalanced: ``natural`` is an imbalance ratio too.
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
    from medmnist import INFO  # here: it brings torch with it

    info, suffix = INFO[options.flag], "" if options.size == 28 else f"_{options.size}"
    if "multi-label" in info["task"]:
        raise UserError(
            f"{options.flag} has several labels an image; class counts, balanced accuracy and all "
            "methods here need exactly one"
        )
    archive = folder / f"{options.flag}{suffix}.npz"
    fetch(info[f"url{suffix}"], archive, info[f"MD5{suffix}"], mirror, _most(info, options.size))
    names = [name for _, name in sorted(info["label"].items(), key=_number)]
    found = read_archive(archive, names)
    if found.images.shape[1] != options.size:
        raise UserError(
            f"{archive}: images are {found.images.shape[1]} pixels wide, not {options.size}"
        )
    return found


def _most(info: dict[str, Any], size: int) -> int:
    """Bytes of an archive at most: as if nothing in it could be compressed."""
    of_image = size * size * info["n_channels"] + 8  # and the label
    return int(1.01 * sum(info["n_samples"].values()) * of_image) + (1 << 20)


def read_archive(archive: Path, class_names: list[str]) -> ImageSet:
    """A verified archive: arrays ``SPLIT_images`` [n, H, W] or [n, H, W, 3] and ``SPLIT_labels`` [n, 1].

    Raises:
        UserError: an array is missing, or is none.
    """
    images, labels = [], []
    try:
        with archive.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            for split in SPLITS:
                images.append(arrays[f"{split}_images"])
                labels.append(_one_label(arrays[f"{split}_labels"], len(images[-1])))
        together = np.concatenate(images)
    except (KeyError, ValueError, TypeError, OSError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(
            f"{archive}: not a MedMNIST archive ({error}); delete it and try again"
        ) from None
    return ImageSet(
        images=together if together.ndim == 4 else together[..., None],
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

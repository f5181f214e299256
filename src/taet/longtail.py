"""Long-tailed index lists: how many images each class keeps, and which."""

from typing import Any, TypeAlias

import numpy as np

from taet.datasets._base import TEST, TRAIN
from taet.errors import UserError

Indices: TypeAlias = "np.ndarray[Any, np.dtype[np.int64]]"


def class_counts(n_max: int, imbalance_ratio: float, classes: int, profile: str) -> list[int]:
    """Images per class, head first.

    ``exponential``: n_c = int(n_max * IR^(-c/(C-1))), the formula of every code base of the field
    (Cao et al. 2019, LDAM-DRW); ``step``: classes of the second half have int(n_max / IR).

    Args:
        n_max: images of the head class.
        imbalance_ratio: n_max / n_min, at least 1.
        classes: number of classes C.
        profile: ``exponential`` or ``step``.

    Raises:
        UserError: the tail class would have no image.
    """
    factor = 1 / imbalance_ratio
    if profile == "exponential":
        counts = [int(n_max * factor ** (c / max(classes - 1, 1))) for c in range(classes)]
    else:
        counts = [n_max if c < (classes + 1) // 2 else int(n_max * factor) for c in range(classes)]
    if min(counts) < 1:
        raise UserError(
            f"imbalance ratio {imbalance_ratio:g} leaves no image for the tail class: "
            f"the head class has {n_max}, so the ratio can be at most {n_max}"
        )
    return counts


def pools(
    labels: Indices,
    official: "np.ndarray[Any, np.dtype[np.uint8]]",
    classes: int,
    test_per_class: int | None,
    rng: np.random.Generator,
) -> tuple[list[Indices], list[Indices]]:
    """Images that may be used for training, and for testing: per class, in random order.

    Args:
        labels: [N] class of each image.
        official: [N] official split of each image; see ``taet.datasets._base``.
        classes: number of classes C.
        test_per_class: test images to hold out of each class where there is no official split.
        rng: decides the order.

    Raises:
        UserError: holding out the test images leaves none for training.
    """
    if test_per_class is None:
        train, test = (np.flatnonzero(official == split) for split in (TRAIN, TEST))
        return (
            permute_classes(labels, train, classes, rng),
            permute_classes(labels, test, classes, rng),
        )
    permuted = permute_classes(labels, np.arange(len(labels)), classes, rng)
    smallest = min(map(len, permuted))
    if smallest <= test_per_class:
        raise UserError(
            f"test_per_class: {test_per_class} leaves no training image in a class of {smallest}; "
            f"must be below {smallest}"
        )
    return [c[test_per_class:] for c in permuted], [c[:test_per_class] for c in permuted]


def permute_classes(
    labels: Indices, pool: Indices, classes: int, rng: np.random.Generator
) -> list[Indices]:
    """For each class, its images of ``pool`` in random order.

    Prefixes of these lists are the long-tailed sets, so that for one seed the sets of all imbalance
    ratios are nested.
    """
    return [rng.permutation(pool[labels[pool] == c]) for c in range(classes)]


def ldam_drw_order(classes: list[Indices]) -> list[Indices]:
    """The order in which LDAM-DRW's code, and so RoBal, REAT and AT-BSL, takes images of each class.

    NumPy's legacy generator with seed 0 shuffles the ascending indices of class after class.
    """
    legacy = np.random.RandomState(0)
    ordered = [np.sort(indices) for indices in classes]
    for indices in ordered:
        legacy.shuffle(indices)
    return ordered


def take(permuted: list[Indices], counts: list[int]) -> Indices:
    """The first ``counts[c]`` images of each class, sorted by class.

    Raises:
        UserError: a class has fewer images than asked for.
    """
    for c, (images, count) in enumerate(zip(permuted, counts, strict=True)):
        if len(images) < count:
            raise UserError(f"class {c} has {len(images)} images, {count} are needed")
    return np.concatenate([images[:n] for images, n in zip(permuted, counts, strict=True)])

"""Long-tailed index lists: how many images each class keeps, and which."""

from typing import Any, TypeAlias

import numpy as np

from taet.datasets._base import NO_SPLIT, TEST, TRAIN
from taet.errors import UserError

Indices: TypeAlias = "np.ndarray[Any, np.dtype[np.int64]]"


def class_counts(
    n_max: int, imbalance_ratio: float, classes: int, profile: str, what: str = "training"
) -> list[int]:
    """Images per class, head first.

    ``exponential``: n_c = int(n_max * IR^(-c/(C-1))), the formula of every code base of the field
    (Cao et al. 2019, LDAM-DRW); ``step``: classes of the second half have int(n_max / IR).

    Args:
        n_max: images of the head class.
        imbalance_ratio: n_max / n_min, at least 1.
        classes: number of classes C.
        profile: ``exponential`` or ``step``.
        what: the images are for, said in the error.

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
            f"imbalance ratio {imbalance_ratio:g} leaves no {what} image for the tail class: "
            f"the head class has {n_max} {what} images, so the ratio must be below {n_max}"
        )
    return counts


def order_classes(order: str, sizes: list[int], rng: np.random.Generator) -> list[int]:
    """Classes from head to tail.

    Args:
        order: ``label``: by label number (the field's habit); ``reversed``: the last label is the
            head; ``size``: the largest class of the data set is the head (equal sizes: by label);
            ``random``: drawn.
        sizes: [C] images that each class has.
        rng: decides a random order.
    """
    labels = list(range(len(sizes)))
    match order:
        case "label":
            return labels
        case "reversed":
            return labels[::-1]
        case "size":
            return sorted(labels, key=lambda c: (-sizes[c], c))
        case "random":
            return [int(c) for c in rng.permutation(len(sizes))]
    raise ValueError(f"unknown order {order!r}")


def long_tailed_counts(
    sizes: list[int], imbalance_ratio: float | None, profile: str, order: list[int], what: str
) -> list[int]:
    """Images that each class keeps, in label order.

    The head class keeps as many as the smallest class has, so that every class has enough and the
    lists of one seed are nested over imbalance ratios.

    Args:
        sizes: [C] images that each class has.
        imbalance_ratio: None keeps all images: the data set's natural imbalance.
        profile: see ``class_counts``.
        order: classes from head to tail.
        what: see ``class_counts``.
    """
    if imbalance_ratio is None:
        return list(sizes)
    by_rank = class_counts(min(sizes), imbalance_ratio, len(sizes), profile, what)
    counts = [0] * len(sizes)
    for c, count in zip(order, by_rank, strict=True):
        counts[c] = count
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
        UserError: there is neither an official test set nor a number to hold out, or holding out
            leaves no training image, or a class has no image.
    """
    if not (official == NO_SPLIT).any():
        train, test = (
            permute_classes(labels, np.flatnonzero(official == split), classes, rng)
            for split in (TRAIN, TEST)
        )
    elif test_per_class is None:
        raise UserError(
            "the data set has no official test set; say how many images of each class to hold out: "
            "longtail.test_per_class"
        )
    else:
        permuted = permute_classes(labels, np.arange(len(labels)), classes, rng)
        smallest = min(map(len, permuted))
        if smallest <= test_per_class:
            raise UserError(
                f"longtail.test_per_class: {test_per_class} leaves no training image in a class of "
                f"{smallest}; must be below {smallest}"
            )
        train = [c[test_per_class:] for c in permuted]
        test = [c[:test_per_class] for c in permuted]
    for name, pool in (("training", train), ("test", test)):
        if empty := [c for c, images in enumerate(pool) if len(images) == 0]:
            raise UserError(f"class {empty[0]} has no {name} image; the data set is incomplete")
    return train, test


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


def hold_out(counts: list[int], share: float) -> list[int]:
    """How many of each class's long-tailed images are for validation: the share, rounded down.

    At least one image of each class is left for training.
    """
    return [min(int(share * count), count - 1) for count in counts]


def take(permuted: list[Indices], counts: list[int], skip: list[int] | None = None) -> Indices:
    """Of each class, the images from ``skip[c]`` (0 if left out) up to ``counts[c]``, by class.

    Raises:
        UserError: a class has fewer images than asked for.
    """
    skip = skip or [0] * len(counts)
    for c, (images, count) in enumerate(zip(permuted, counts, strict=True)):
        if len(images) < count:
            raise UserError(f"class {c} has {len(images)} images, {count} are needed")
    parts = zip(permuted, skip, counts, strict=True)
    return np.concatenate([images[first:last] for images, first, last in parts])

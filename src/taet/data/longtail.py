"""Long-tailed index lists: how many images each class keeps, and which."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from taet.data.imageset import NO_SPLIT, TEST, TRAIN
from taet.errors import UserError
from taet.seeds import seed_for

if TYPE_CHECKING:
    from taet.longtail_options import Longtail

Indices: TypeAlias = "np.ndarray[Any, np.dtype[np.int64]]"
OfficialSplits: TypeAlias = "np.ndarray[Any, np.dtype[np.uint8]]"


@dataclass(frozen=True)
class Split:
    """Index lists of a long-tailed data set, [n] int64 each, and how many training images they take.

    Attributes:
        train: the long-tailed training images, class by class.
        validation: those held back for validation; empty where none were asked for.
        test: the test images, class by class: all of the official test set, or as many of each class as
            were asked for; empty where none were.
        test_long_tailed: those of ``test`` that are as long-tailed as the training images.
        train_counts: [classes] how many images of each class ``train`` has.
    """

    train: Indices
    validation: Indices
    test: Indices
    test_long_tailed: Indices
    train_counts: list[int]


def long_tailed_split(
    train: list[Indices],
    test: list[Indices],
    imbalance_ratio: float | None,
    options: "Longtail",
    rng: np.random.Generator,
) -> Split:
    """The lists of a split: how many images of each class, and which.

    Args:
        train: [C] images of each class that may be used for training, in random order; see ``pools``.
        test: [C] for testing, likewise; all of them may be empty.
        imbalance_ratio: None keeps all images: the data set's natural imbalance.
        options: which images are taken, and how many are held back.
        rng: decides a random order of the classes.

    Raises:
        UserError: a class has too few images.
    """
    if options.selection == "ldam_drw":
        train = ldam_drw_order(train)
    sizes, test_sizes = [len(images) for images in train], [len(images) for images in test]
    order = order_classes(options.class_order, sizes, rng)
    head, test_head = head_sizes(sizes, test_sizes, options.head_images)

    def counts_of(sizes: list[int], head: int, what: str) -> list[int]:
        return long_tailed_counts(sizes, head, imbalance_ratio, options.profile, order, what)

    counts = counts_of(sizes, head, "training")
    test_counts = counts_of(test_sizes, test_head, "test") if any(test_sizes) else test_sizes
    held_out = hold_out(counts, options.validation_share)
    train_counts = [n - h for n, h in zip(counts, held_out, strict=True)]
    left = left_over(train, counts, options.validation_per_class)
    return Split(
        train=take(train, train_counts),
        validation=np.concatenate([take(train, counts, skip=train_counts), *left]),
        test=np.concatenate(test),
        test_long_tailed=take(test, test_counts),
        train_counts=train_counts,
    )


def draw_split(
    labels: Indices,
    official: OfficialSplits,
    classes: int,
    imbalance_ratio: float | None,
    options: "Longtail",
    *,
    dataset: str,
    seed: int,
) -> Split:
    """The split of a data set for a seed: its pools, and the long tail of them.

    Args:
        labels, official, classes, options, dataset, seed: see ``draw_pools``.
        imbalance_ratio: see ``long_tailed_split``.

    Raises:
        UserError: as ``pools`` and ``long_tailed_split``.
    """
    train, test, rng = draw_pools(labels, official, classes, options, dataset=dataset, seed=seed)
    return long_tailed_split(train, test, imbalance_ratio, options, rng)


def draw_pools(
    labels: Indices,
    official: OfficialSplits,
    classes: int,
    options: "Longtail",
    *,
    dataset: str,
    seed: int,
) -> tuple[list[Indices], list[Indices], np.random.Generator]:
    """Training and test images of each class in the random order of a seed; see ``pools``.

    Args:
        options: say how many test images of each class there are.
        dataset: a name, on which the order depends too.
        seed: decides the order.

    Returns:
        Both pools, and the generator from which the long tail is drawn next.
    """
    rng = split_generator(dataset, seed)
    return *pools(labels, official, classes, options.test_per_class, rng), rng


def split_generator(dataset: str, seed: int) -> np.random.Generator:
    """The random numbers of a split."""
    return np.random.default_rng(seed_for("split", dataset, seed))


def class_shares(imbalance_ratio: float, classes: int, profile: str) -> list[float]:
    """n_c / n_max of each class, head first.

    ``exponential``: IR^(-c/(C-1)) (Cao et al. 2019, LDAM-DRW, and every code base of the field);
    ``step``: 1 for the first half of the classes, the middle one of an odd number included, and 1 / IR
    for the others.

    Args:
        imbalance_ratio: n_max / n_min, at least 1.
        classes: number of classes C.
        profile: ``exponential`` or ``step``.
    """
    if profile == "exponential":
        return [imbalance_ratio ** (-c / max(classes - 1, 1)) for c in range(classes)]
    if profile == "step":
        return [1 if c < (classes + 1) // 2 else 1 / imbalance_ratio for c in range(classes)]
    raise ValueError(f"unknown profile {profile!r}")


def class_counts(
    n_max: int, imbalance_ratio: float, classes: int, profile: str, *, empty_tail: bool = False
) -> list[int]:
    """Images per class, head first: n_c = int(n_max * share), see ``class_shares``.

    Args:
        n_max: images of the head class.
        imbalance_ratio: n_max / n_min, at least 1.
        classes: number of classes C.
        profile: ``exponential`` or ``step``.
        empty_tail: the rarest classes may have no image, as in a long-tailed test set; metrics leave them
            out.

    Raises:
        UserError: the tail class would have no image.
    """
    counts = [floor(n_max * share) for share in class_shares(imbalance_ratio, classes, profile)]
    if min(counts) < 1 and not empty_tail:
        raise UserError(
            f"imbalance ratio {imbalance_ratio:g} leaves no training image for the tail class: "
            f"the head class has {n_max} training images, so the ratio must be at most {n_max}"
        )
    return counts


def floor(count: float) -> int:
    """Round a number of images down; one that is whole but for a rounding error stays whole."""
    return math.floor(count + 1e-9)


def largest_head(sizes: list[int], shares: list[float]) -> int:
    """The largest head class for which no class needs more images than it has.

    Args:
        sizes: [C] images that each class has, head first.
        shares: [C], see ``class_shares``.
    """

    def fits(head: int) -> bool:
        return all(floor(head * s) <= size for s, size in zip(shares, sizes, strict=True))

    # A head of h needs floor(h * share) images, so it fits below (size + 1) / share, but for rounding.
    bound = min(math.ceil((size + 1) / s) for s, size in zip(shares, sizes, strict=True))
    return next(head for head in range(bound, 0, -1) if fits(head))


def head_sizes(train: list[int], test: list[int], head_images: int | None) -> tuple[int, int]:
    """Images of the head class in training, and on the long-tailed test set.

    Both are the same for all imbalance ratios, which keeps the lists of one seed nested.

    Args:
        train: [C] training images that each class has.
        test: [C] test images that each class has.
        head_images: training images of the head class; None for as many as the smallest class has, so
            that every ratio fits, and likewise for the test set. Where a number is given, the
            test set is smaller than the training set by the factor that no class falls short of.

    Returns:
        At least 1 each.
    """
    if head_images is None:
        return min(train), min(test)
    return head_images, max(
        1, min(head_images * n // size for n, size in zip(test, train, strict=True))
    )


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
    sizes: list[int],
    head: int,
    imbalance_ratio: float | None,
    profile: str,
    order: list[int],
    what: str,
) -> list[int]:
    """Images that each class keeps, in label order.

    Args:
        sizes: [C] images that each class has.
        head: images of the head class.
        imbalance_ratio: None keeps all images: the data set's natural imbalance.
        profile: see ``class_shares``.
        order: classes from head to tail.
        what: the images are for, ``training`` or ``test``.

    Raises:
        UserError: a class has fewer images than it needs, or would keep none to train on.
    """
    if imbalance_ratio is None:
        return list(sizes)
    by_rank = class_counts(head, imbalance_ratio, len(sizes), profile, empty_tail=what == "test")
    for c, count in zip(order, by_rank, strict=True):
        if sizes[c] < count:
            shares = class_shares(imbalance_ratio, len(sizes), profile)
            raise UserError(
                f"longtail.head_images: class {c} has {sizes[c]} {what} images, but needs {count} at "
                f"imbalance ratio {imbalance_ratio:g}; must be at most "
                f"{largest_head([sizes[c] for c in order], shares)}"
            )
    counts = [0] * len(sizes)
    for c, count in zip(order, by_rank, strict=True):
        counts[c] = count
    return counts


def pools(
    labels: Indices,
    official: OfficialSplits,
    classes: int,
    test_per_class: int | None,
    rng: np.random.Generator,
) -> tuple[list[Indices], list[Indices]]:
    """Images that may be used for training, and for testing: per class, in random order.

    Args:
        labels: [N] class of each image.
        official: [N] official split of each image; see ``taet.data.imageset``.
        classes: number of classes C.
        test_per_class: test images of each class, held out where there is no official split; None for
            all of the official test set.
        rng: decides the order.

    Raises:
        UserError: there is neither an official test set nor a number to hold out, or holding out
            leaves no training image, or a class has no image or too few test images.
    """
    if not (official == NO_SPLIT).any():
        train, test = (
            permute_classes(labels, np.flatnonzero(official == split), classes, rng)
            for split in (TRAIN, TEST)
        )
        if test_per_class is not None:
            test = _of_each(test, test_per_class)
    elif test_per_class is None:
        raise UserError(
            "the data set has no official test set; say how many images of each class to hold out: "
            "longtail.test_per_class"
        )
    else:
        permuted = permute_classes(labels, np.arange(len(labels)), classes, rng)
        train, test = _held_out(permuted, test_per_class)
    for name, pool in (("training", train), ("test", test)):
        if empty := [c for c, images in enumerate(pool) if len(images) == 0]:
            raise UserError(
                f"class {empty[0]} has no {name} image; add one to the official {name} split, or leave the "
                "class out of the data set"
            )
    return train, test


def _held_out(permuted: list[Indices], per_class: int) -> tuple[list[Indices], list[Indices]]:
    """All but the first images of each class, and these, for testing."""
    smallest = min(map(len, permuted))
    if smallest <= per_class:
        rarest = [len(c) for c in permuted].index(smallest)
        raise UserError(
            f"longtail.test_per_class: {per_class} leaves no training image in a class of "
            f"{smallest}, class {rarest}; must be below {smallest}"
        )
    return [c[per_class:] for c in permuted], [c[:per_class] for c in permuted]


def _of_each(test: list[Indices], per_class: int) -> list[Indices]:
    """The first test images of each class."""
    for c, images in enumerate(test):
        if len(images) < per_class:
            raise UserError(
                f"longtail.test_per_class: class {c} has {len(images)} official test images; must be at most "
                f"{min(map(len, test))}, or null for all"
            )
    return [images[:per_class] for images in test]


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
    return [min(floor(share * count), count - 1) for count in counts]


def left_over(permuted: list[Indices], counts: list[int], per_class: int | None) -> list[Indices]:
    """The last ``per_class`` images of each class, none of which the long tail takes.

    They are the last, so that they are the same for all imbalance ratios of a seed.

    Args:
        permuted: [C] images of each class, of which the long tail takes the first.
        counts: [C] how many it takes.
        per_class: None for none.

    Raises:
        UserError: a class has fewer left.
    """
    if per_class is None:
        return [images[:0] for images in permuted]
    left = [len(images) - count for images, count in zip(permuted, counts, strict=True)]
    if min(left) < per_class:
        c = left.index(min(left))
        raise UserError(
            f"longtail.validation_per_class: {counts[c]} of the {len(permuted[c])} training images of class "
            f"{c} are trained on, so at most {left[c]} are left; lower it, or longtail.head_images"
        )
    return [images[-per_class:] for images in permuted]


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

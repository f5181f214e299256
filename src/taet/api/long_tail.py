"""The public functions about the long tail: which images make one, and scores of predictions by class."""

from typing import Any

import numpy as np
import pandas as pd
from pydantic import ValidationError

from taet.api import arguments
from taet.api.frame import score_frame
from taet.data.imageset import NO_SPLIT
from taet.data.longtail import (
    Indices,
    Split,
    long_tailed_split,
    permute_classes,
    pools,
    split_generator,
)
from taet.errors import ArgumentError, UserError, counted, shortened
from taet.longtail_options import Longtail
from taet.scores.metrics import class_groups, scores
from taet.study.params.blocks import NATURAL, Groups, imbalance_ratio

UNUSED = ["attack", "class_name", "median_distance"]  # columns that predictions alone do not fill


def balanced_scores(
    labels: Any,
    predictions: Any,
    train_counts: Any = None,
    *,
    head: float = 0.3,
    tail: float = 0.3,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Scores of a classifier on all classes alike: balanced accuracy, head to tail, each class, the worst.

    With predictions of adversarial images accuracies are robust accuracies, and balanced accuracy is balanced
    robustness. An image that is misclassified when clean should count as wrong under an attack too: give a
    wrong class for it, as ``taet.attack`` does.

    Args:
        labels: [N] classes, whole numbers from 0; tensor, array or list.
        predictions: [N] predicted classes, likewise.
        train_counts: [classes] training images of each class, or a mapping or Series by class. Without
            them there are no rows for head, medium and tail classes.
        head: share of the classes that are head, those with the most training images; rounded to whole
            classes.
        tail: share that are tail, those with the fewest; the others are medium.
        confidence: level of the intervals.

    Returns:
        A row for each scope, with the columns that ``evaluate`` gives: ``scope`` (``all``, ``head``,
        ``medium``, ``tail``, ``worst_class``, ``class``), ``class_index``, ``train_images``, ``test_images``,
        ``accuracy`` in [0,1], its Wilson interval ``accuracy_low`` and ``accuracy_high`` and standard error
        ``accuracy_se``, ``balanced_accuracy``, ``balanced_accuracy_se``; on the row of all classes
        ``class_range``, ``class_sd`` and ``head_tail_gap`` (``taet.scores.metrics``). Classes without
        images in ``labels`` have no accuracy (NaN), and means leave them out.

    Raises:
        UserError: an argument is of another type, shape or range.
    """
    y = arguments.class_numbers("labels", labels).numpy()
    predicted = arguments.class_numbers("predictions", predictions).numpy()
    if len(y) != len(predicted) or not len(y):
        have = f"{counted(len(predicted), 'prediction')} for {counted(len(y), 'label')}"
        raise ArgumentError(f"predictions: {have}; must be as many, at least one")
    classes = max(y.max() + 1, predicted.max() + 1, _length(train_counts))
    names = [str(c) for c in range(classes)]
    counts: list[int] = []
    if train_counts is not None:
        counts = arguments.train_counts(train_counts, names)
    shares = _shares(head=arguments.plain(head), tail=arguments.plain(tail))
    level = arguments.share("confidence", confidence)
    groups = class_groups(counts, shares.head, shares.tail)
    rows = scores({"clean": predicted}, {}, y, counts or [0] * classes, names, groups)
    frame = score_frame(rows, level, with_training=train_counts is not None)
    return frame.drop(columns=UNUSED)


def _length(train_counts: Any) -> int:
    """0 where it has none; what it must be instead, is checked later.

    Raises:
        ArgumentError: it is beyond all numbers of classes.
    """
    try:
        length = len(train_counts)
    except TypeError:
        return 0
    if length > arguments.CLASS_LIMIT:
        raise ArgumentError(
            f"train_counts: {length:,} numbers; must be at most {arguments.CLASS_LIMIT:,}"
        )
    return length


def _shares(**shares: Any) -> Groups:
    """The shares of head and tail classes, checked."""
    try:
        groups = Groups.model_validate(shares)
    except ValidationError as error:
        raise _argument_error(error) from None
    if groups.head + groups.tail > 1:
        raise ArgumentError(
            f"head: {groups.head:g}, and tail {groups.tail:g}: together more than all classes; must be at "
            "most 1"
        )
    return groups


def longtail_split(
    labels: Any,
    ratio: float | str,
    seed: int = 0,
    *,
    dataset: str = "",
    profile: str = "exponential",
    selection: str = "seeded",
    head_images: int | None = None,
    class_order: str = "label",
    validation_share: float = 0,
    validation_per_class: int | None = None,
    test_per_class: int | None = None,
) -> Split:
    """A long-tailed part of a data set, as lists of the numbers of its images.

    For one seed the training lists of all ratios are nested. They are those of the stage ``subsample`` for
    the same seed, options and name of the data set, where ``labels`` are in the order of its images: of all,
    with ``test_per_class``, if it has no test set of its own (``digits``); otherwise of its training images,
    in a class order that is not ``random``.

    Args:
        labels: [N] classes, whole numbers from 0, each class at least once; tensor, array or list. Numbers of
            images count from 0 in it.
        ratio: n_max / n_min, at least 1; ``natural`` takes all images.
        seed: decides which images of a class are taken.
        dataset: a name on which the draw depends too, such as ``cifar10``.
        profile: ``exponential``: n_c = int(n_max * ratio^(-c/(C-1))), c counted from the head (Cao et al.
            2019, LDAM-DRW); ``step``: the second half of the classes has n_max / ratio.
        selection: ``seeded``, or ``ldam_drw`` for the images that LDAM-DRW's code takes, whatever the seed.
        head_images: training images of the head class; as many as the smallest class has if left out.
        class_order: from head to tail: ``label``, ``reversed``, ``size`` (the largest class first) or
            ``random``.
        validation_share: share of each class's long-tailed images that is held back for validation, at least
            0 and below 1.
        validation_per_class: validation images of each class out of those that the long tail leaves over.
        test_per_class: test images of each class, held out before the rest is cut; none if left out.

    Raises:
        UserError: an argument is of another type, shape or range, or a class has too few images.
    """
    y = arguments.class_numbers("labels", labels).numpy()
    classes = _classes(y)
    number = arguments.whole_number("seed", seed)
    try:
        parsed = imbalance_ratio(arguments.plain(ratio))
    except ValueError as error:
        raise ArgumentError(f"ratio: {error}, got {shortened(repr(ratio))}") from None
    longtail = _options(
        profile=profile,
        selection=selection,
        head_images=arguments.plain(head_images),
        class_order=class_order,
        validation_share=arguments.plain(validation_share),
        validation_per_class=arguments.plain(validation_per_class),
        test_per_class=arguments.plain(test_per_class),
    )
    try:
        rng = split_generator(dataset, number)
        train, test = _pools(y, classes, longtail.test_per_class, rng)
        return long_tailed_split(train, test, None if parsed == NATURAL else parsed, longtail, rng)
    except UserError as error:  # names of parameters are those of arguments
        raise ArgumentError(str(error).replace("longtail.", "")) from None


def _options(**values: Any) -> Longtail:
    """The options of a split, checked."""
    try:
        return Longtail.model_validate(values)
    except ValidationError as error:
        raise _argument_error(error) from None


def _pools(
    y: Indices, classes: int, test_per_class: int | None, rng: np.random.Generator
) -> tuple[list[Indices], list[Indices]]:
    """Training and test images of each class; without a number of test images, all are for training."""
    if test_per_class is not None:
        official = np.full(len(y), NO_SPLIT, dtype=np.uint8)
        return pools(y, official, classes, test_per_class, rng)
    train = permute_classes(y, np.arange(len(y)), classes, rng)
    return train, [images[:0] for images in train]


def _classes(y: np.ndarray[Any, Any]) -> int:
    """Number of classes, each of which has an image."""
    if not len(y):
        raise ArgumentError("labels: none; must be at least one for each class")
    classes = int(y.max()) + 1
    if missing := sorted(set(range(classes)) - set(y.tolist())):
        raise ArgumentError(
            f"labels: no image of class {missing[0]}; must be classes 0 to {classes - 1}, each at least once"
        )
    return classes


def _argument_error(error: ValidationError) -> ArgumentError:
    """The first problem with arguments that are options of parameters too."""
    problem = error.errors()[0]
    text = problem["msg"].removeprefix("Value error, ")
    return ArgumentError(
        f"{problem['loc'][0]}: {text[0].lower()}{text[1:]}, got {shortened(repr(problem['input']))}"
    )

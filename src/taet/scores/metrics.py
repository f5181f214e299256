"""From predictions to numbers. Needs no torch.

Accuracies are shares in [0,1]. *Recall* of a class: share of its test images that are classified
correctly. *Balanced accuracy* (BA): mean of the recalls, on clean images; *balanced robustness* (BR,
Wang et al. 2025): the same under an attack. Classes without a test image in the test set are left out of
the mean, as in the authors' code.

How unequal classes are, of their recalls on the rows of all classes: *class range*, the largest minus the
smallest (maximum class-wise discrepancy, Tian et al. 2021); *class sd*, the standard deviation (its square is
their class-wise variance); *head-tail gap*, balanced accuracy of the head minus that of the tail. Xu et al.
(2021), CFA and DAFA report the worst class, which has rows of its own. A network that is always wrong has no
gap, so none of these says anything without the balanced accuracy.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

FEW = 10  # images of a class; with fewer its verdicts do not show how they scatter


@dataclass(frozen=True)
class Estimate:
    """A number and the standard error that comes from the finite test set.

    The error is binomial per class (stratified: a test set has fixed numbers of each); see ``variances``. It
    says nothing about training noise, which only seeds can show.
    """

    value: float
    standard_error: float


def recalls(correct: Array, labels: Array, classes: int) -> tuple[Array, Array]:
    """Recall of each class, NaN without images, and images of each class; [C] and [C].

    Args:
        correct: [N] bool, prediction equals label.
        labels: [N] true classes.
        classes: number of classes C.
    """
    images = np.bincount(labels, minlength=classes)
    hits = np.bincount(labels[correct], minlength=classes)
    with np.errstate(invalid="ignore"):
        return hits / images, images


def balanced_accuracy(recall: Array, images: Array, members: Sequence[int]) -> Estimate:
    """Mean recall of some classes; classes without images are left out.

    Args:
        recall: [C], see ``recalls``.
        images: [C] test images per class.
        members: the classes that count.
    """
    present = [c for c in members if images[c] > 0]
    if not present:
        return Estimate(float("nan"), float("nan"))
    error = np.sqrt(variances(recall, images)[present].sum()) / len(present)
    return Estimate(float(recall[present].mean()), float(error))


def accuracy(recall: Array, images: Array, members: Sequence[int]) -> Estimate:
    """Share of correctly classified images among those of some classes."""
    present = [c for c in members if images[c] > 0]
    if not present:
        return Estimate(float("nan"), float("nan"))
    r, n = recall[present], images[present]
    error = np.sqrt((n**2 * variances(recall, images)[present]).sum()) / n.sum()
    return Estimate(float((r * n).sum() / n.sum()), float(error))


def variances(recall: Array, images: Array) -> Array:
    """Binomial variance of each class's recall, NaN without images; [C].

    The share in it is (k + 1) / (n + 2) of k in n images, which stays off 0 and 1 (Laplace; Agresti and
    Coull 1998). Of a class with fewer than ten images k and n are summed over it and classes of like size:
    one image says nothing of its variance (collapsed strata; Cochran, Sampling Techniques, 1977, section
    5A.12).

    Args:
        recall: [C], see ``recalls``.
        images: [C] test images per class.
    """
    together = alike(tuple(images.tolist()))
    hits = np.nan_to_num(recall * images)
    inside = (together @ hits + 1) / (together @ images + 2)
    with np.errstate(divide="ignore"):
        variance = inside * (1 - inside) / images
    return np.where(images > 0, variance, np.nan)


@cache
def alike(images: tuple[int, ...]) -> Array:
    """Which classes show how the verdicts of a class scatter, [C, C] bool, a row for each class.

    The class itself where it has ten images; otherwise with as many classes next to it by number of images,
    smaller and larger ones, as have ten together.

    Args:
        images: test images per class.
    """
    count = np.array(images)
    order = [int(c) for c in np.argsort(-count, kind="stable") if count[c]]
    result = np.zeros((len(count), len(count)), dtype=bool)
    for rank, c in enumerate(order):
        for width in range(len(order)):
            members = order[max(rank - width, 0) : rank + width + 1]
            if count[members].sum() >= FEW:
                break
        result[c, members] = True
    return result


def class_groups(train_counts: Sequence[int], head: float, tail: float) -> dict[str, list[int]]:
    """Head, medium and tail classes, ranked by training images (equal counts: by class number).

    Args:
        train_counts: [C] training images per class.
        head: share of the classes that are head, rounded to whole classes.
        tail: share that are tail.
    """
    classes = len(train_counts)
    ranked = sorted(range(classes), key=lambda c: (-train_counts[c], c))
    first = round(head * classes)
    last = max(classes - round(tail * classes), first)
    groups = {"head": ranked[:first], "medium": ranked[first:last], "tail": ranked[last:]}
    return {name: sorted(members) for name, members in groups.items() if members}


def worst_class(recall: Array) -> int:
    """The class with the lowest recall, the first of equals; those without images do not count."""
    return int(np.nanargmin(recall))


def disparity(recall: Array, groups: Mapping[str, Sequence[int]]) -> dict[str, float]:
    """``class_range``, ``class_sd`` (C in the denominator) and ``head_tail_gap``; see the module.

    Classes without images do not count; NaN where no class is left, or there is no head or no tail.

    Args:
        recall: [C], see ``recalls``.
        groups: classes of each group.
    """
    present = recall[~np.isnan(recall)]
    head, tail = (_mean(recall[list(groups.get(name, ()))]) for name in ("head", "tail"))
    return {
        "class_range": float(present.max() - present.min()) if len(present) else float("nan"),
        "class_sd": float(present.std()) if len(present) else float("nan"),
        "head_tail_gap": head - tail,
    }


def _mean(recall: Array) -> float:
    """Over the classes that have images; NaN where none has."""
    present = recall[~np.isnan(recall)]
    return float(present.mean()) if len(present) else float("nan")


def median_distance(distance: Array | None, attacked: Array, fooled: Array) -> float:
    """Median over the attacked images of the norm that it took to fool the model.

    Infinite for an image that was not fooled, and so where half of them were not; NaN where none was
    attacked.

    Args:
        distance: [N] norms, or None for clean images and worst cases.
        attacked: [N] bool.
        fooled: [N] bool.
    """
    if distance is None or not attacked.any():
        return float("nan")
    # Of an even number the upper one: the mean of a number and infinity says nothing.
    return float(np.quantile(np.where(fooled, distance, np.inf)[attacked], 0.5, method="higher"))


def worst_case(predictions: Sequence[Array], labels: Array) -> Array:
    """Prediction of each image under several attacks: a wrong one where there is one, the first.

    Args:
        predictions: [N] each.
        labels: [N] true classes.
    """
    result = labels.copy()
    for prediction in reversed(predictions):
        result = np.where(prediction != labels, prediction, result)
    return result


def scores(
    predictions: Mapping[str, Array],
    distances: Mapping[str, Array],
    labels: Array,
    train_counts: Sequence[int],
    class_names: Sequence[str],
    groups: Mapping[str, Sequence[int]],
) -> list[dict[str, Any]]:
    """One row per attack and scope: all classes, each group, each class.

    Args:
        predictions: [N] predicted classes by attack (``clean`` among them).
        distances: [N] norms of the perturbations by attack, where there are any.
        labels: [N] true classes.
        train_counts: [C] training images per class.
        class_names: [C].
        groups: classes of each group.

    Returns:
        Rows with ``attack``, ``scope`` (``all``, a group, ``worst_class``, ``class``), ``class_index``,
        ``class_name``, ``train_images``, ``test_images``, ``accuracy``, ``accuracy_se``,
        ``balanced_accuracy``, ``balanced_accuracy_se``, ``median_distance`` (over the images that were
        attacked, those classified correctly when clean; see there), and those of ``disparity``, NaN in
        rows that are not of all classes.
    """
    attacked = predictions["clean"] == labels
    rows = []
    for attack, prediction in predictions.items():
        recall, images = recalls(prediction == labels, labels, len(class_names))
        of_all = disparity(recall, groups)
        for scope, index, members in _scopes(recall, groups):
            distance = median_distance(
                distances.get(attack), attacked & np.isin(labels, members), prediction != labels
            )
            rows.append(
                {
                    "attack": attack,
                    "scope": scope,
                    "class_index": index,
                    "class_name": None if index is None else class_names[index],
                    "train_images": int(sum(train_counts[c] for c in members)),
                    "test_images": int(images[list(members)].sum()),
                    **_estimates("accuracy", accuracy(recall, images, members)),
                    **_estimates("balanced_accuracy", balanced_accuracy(recall, images, members)),
                    "median_distance": distance,
                    **(of_all if scope == "all" else dict.fromkeys(of_all, float("nan"))),
                }
            )
    return rows


def _scopes(
    recall: Array, groups: Mapping[str, Sequence[int]]
) -> Iterator[tuple[str, int | None, Sequence[int]]]:
    """Name of each scope, the number of its class if it is one class by name, and its classes."""
    yield "all", None, range(len(recall))
    for name, members in groups.items():
        yield name, None, members
    yield "worst_class", None, [worst_class(recall)]
    for c in range(len(recall)):
        yield "class", c, [c]


def _estimates(name: str, estimate: Estimate) -> dict[str, float]:
    return {name: estimate.value, f"{name}_se": estimate.standard_error}

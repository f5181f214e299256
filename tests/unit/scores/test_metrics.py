import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score

from taet.scores.metrics import (
    accuracy,
    alike,
    balanced_accuracy,
    class_groups,
    disparity,
    median_distance,
    recalls,
    scores,
    variances,
    worst_case,
    worst_class,
)


def test_hand_counted() -> None:
    labels = np.array([0, 0, 0, 0, 1, 1, 2])
    predictions = np.array([0, 0, 0, 1, 1, 0, 2])
    recall, images = recalls(predictions == labels, labels, 3)
    assert recall.tolist() == [0.75, 0.5, 1.0]
    assert images.tolist() == [4, 2, 1]
    ba = balanced_accuracy(recall, images, range(3))
    assert ba.value == pytest.approx(0.75)
    inside = (
        6 / 9 * 3 / 9
    )  # all seven images together, five of them right: none of the classes has ten
    assert ba.standard_error == pytest.approx(math.sqrt(inside * (1 / 4 + 1 / 2 + 1 / 1)) / 3)
    plain = accuracy(recall, images, range(3))
    assert plain.value == pytest.approx(5 / 7)
    of_all = sum(n**2 * inside / n for n in images) / 7**2
    assert plain.standard_error == pytest.approx(math.sqrt(of_all))
    even = np.array([0.9, 0.1, 0.5])
    errors = [f(even, np.array([10, 10, 10]), range(3)) for f in (accuracy, balanced_accuracy)]
    assert errors[0].standard_error == pytest.approx(errors[1].standard_error), (
        "one number, one error"
    )


def test_classes_of_ten_images_have_variances_of_their_own() -> None:
    recall, images = np.array([0.9, 0.0, np.nan, 0.25]), np.array([10, 20, 0, 40])
    expected = [10 / 12 * 2 / 12 / 10, 1 / 22 * 21 / 22 / 20, np.nan, 11 / 42 * 31 / 42 / 40]
    assert variances(recall, images) == pytest.approx(expected, nan_ok=True)


def test_small_classes_take_the_next_ones_by_number_of_images() -> None:
    """By number of images 30 (class 3), 9 (0), 4 (4), 2 (2), 1 (5); class 1 has none."""
    together = {c: np.flatnonzero(row).tolist() for c, row in enumerate(alike((9, 0, 2, 30, 4, 1)))}
    assert together == {3: [3], 0: [0, 3, 4], 4: [0, 2, 4], 2: [0, 2, 4, 5], 5: [0, 2, 4, 5], 1: []}


@pytest.mark.parametrize("ratio", [10, 30, 100])
def test_standard_errors_cover_on_long_tailed_test_sets(ratio: int) -> None:
    """95 % intervals of balanced and of plain accuracy, on CIFAR-100-LT's test sets; recalls fall along the tail."""
    rng, repetitions, classes = np.random.default_rng(ratio), 1500, np.arange(100)
    images = np.maximum(100 * ratio ** (-classes / 99), 1).astype(int)
    share, hits = np.linspace(0.6, 0.2, 100), np.zeros(4)
    for _ in range(repetitions):
        recall = rng.binomial(images, share) / images
        for i, members in enumerate((classes, classes[70:])):
            s, n = share[members], images[members]
            balanced = balanced_accuracy(recall, images, members)
            plain = accuracy(recall, images, members)
            hits[i] += abs(balanced.value - s.mean()) <= 1.96 * balanced.standard_error
            hits[2 + i] += abs(plain.value - (s * n).sum() / n.sum()) <= 1.96 * plain.standard_error
    assert (hits / repetitions >= 0.93).all()
    assert (hits / repetitions <= 0.97).all()


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=60))
def test_agrees_with_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    labels, predictions = (np.array(column) for column in zip(*pairs, strict=True))
    recall, images = recalls(predictions == labels, labels, 5)
    with warnings.catch_warnings():  # about classes that are predicted but not in the labels
        warnings.simplefilter("ignore", UserWarning)
        expected = balanced_accuracy_score(labels, predictions)
    assert balanced_accuracy(recall, images, range(5)).value == pytest.approx(expected)
    assert accuracy(recall, images, range(5)).value == pytest.approx(np.mean(labels == predictions))


def test_class_without_images_is_left_out_not_zero() -> None:
    labels = np.array([0, 0, 2])
    recall, images = recalls(np.array([True, True, False]), labels, 3)
    assert math.isnan(recall[1])
    assert balanced_accuracy(recall, images, range(3)).value == pytest.approx(0.5)
    assert math.isnan(balanced_accuracy(recall, images, [1]).value)
    assert math.isnan(accuracy(recall, images, [1]).value)


@given(
    counts=st.lists(st.integers(1, 1000), min_size=1, max_size=100),
    head=st.floats(0, 1),
    tail=st.floats(0, 1),
)
def test_groups_partition_the_classes(counts: list[int], head: float, tail: float) -> None:
    groups = class_groups(counts, head, tail if head + tail <= 1 else 1 - head)
    assert sorted(c for members in groups.values() for c in members) == list(range(len(counts)))
    if "head" in groups and "tail" in groups:
        assert min(counts[c] for c in groups["head"]) >= max(counts[c] for c in groups["tail"])


def test_groups_of_ten_classes() -> None:
    groups = class_groups([100, 90, 80, 70, 60, 50, 40, 30, 20, 10], 0.3, 0.3)
    assert groups == {"head": [0, 1, 2], "medium": [3, 4, 5, 6], "tail": [7, 8, 9]}


@pytest.mark.parametrize(
    ("classes", "head", "tail", "sizes"),
    [(7, 0.2, 0.4, [1, 3, 3]), (7, 0.4, 0.2, [3, 3, 1]), (100, 0.29, 0.29, [29, 42, 29])],
)
def test_head_and_tail_are_rounded_not_cut(
    classes: int, head: float, tail: float, sizes: list[int]
) -> None:
    """1.4 to 1 and 2.8 to 3; 0.29 * 100 is a little below 29."""
    groups = class_groups(range(classes, 0, -1), head, tail)
    assert [len(groups[name]) for name in ("head", "medium", "tail")] == sizes


def test_scores_rows() -> None:
    labels = np.array([0, 1, 1])
    rows = scores(
        {"clean": labels, "pgd": np.array([0, 0, 0])},
        {"pgd": np.array([0.0, 0.1, 0.3])},
        labels,
        [9, 3],
        ["cat", "dog"],
        {"head": [0], "tail": [1]},
    )
    assert [(r["attack"], r["scope"]) for r in rows[:6]] == [
        ("clean", "all"),
        ("clean", "head"),
        ("clean", "tail"),
        ("clean", "worst_class"),
        ("clean", "class"),
        ("clean", "class"),
    ]
    robust = rows[6]
    assert robust["attack"] == "pgd"
    assert robust["balanced_accuracy"] == 0.5
    assert robust["accuracy"] == pytest.approx(1 / 3)
    assert (robust["train_images"], robust["test_images"]) == (12, 3)
    assert rows[-1]["class_name"] == "dog"
    assert rows[-1]["balanced_accuracy"] == 0
    assert rows[-1]["median_distance"] == pytest.approx(0.3), "the upper of two"
    assert math.isnan(rows[0]["median_distance"])


def test_median_distance_counts_failures_of_the_attack_as_infinite() -> None:
    """The more images an attack fails on, the larger the norm; it must not be the smaller."""
    distance, attacked = np.array([0.1, 0.2, 0.0, 0.0, 9.0]), np.array([True] * 4 + [False])
    fooled = np.array([True, True, True, False, False])
    assert median_distance(distance, attacked, fooled) == pytest.approx(0.2)
    assert median_distance(distance, attacked, fooled & (distance > 0)) == math.inf
    assert math.isnan(median_distance(distance, ~attacked & False, fooled))
    assert math.isnan(median_distance(None, attacked, fooled))


def test_worst_case() -> None:
    labels = np.array([0, 1, 2, 0])
    first, second = np.array([0, 2, 2, 1]), np.array([0, 0, 1, 0])
    assert worst_case([first, second], labels).tolist() == [0, 2, 1, 1]
    robust = worst_case([first, second], labels) == labels
    assert (robust == ((first == labels) & (second == labels))).all()


def test_worst_class_of_those_with_images() -> None:
    assert worst_class(np.array([0.5, np.nan, 0.2, 0.2])) == 2
    labels = np.array([0, 0, 0, 0, 1, 1, 2])
    predictions = {"clean": labels, "pgd": np.array([0, 1, 0, 0, 0, 1, 2])}
    rows = scores(predictions, {}, labels, [4, 2, 1], ["a", "b", "c"], {"tail": [2]})
    row = next(r for r in rows if (r["attack"], r["scope"]) == ("pgd", "worst_class"))
    assert row["balanced_accuracy"] == row["accuracy"] == 0.5
    assert (row["test_images"], row["train_images"], row["class_index"]) == (2, 2, None)


def test_how_unequal_classes_are() -> None:
    """Recalls 3/4, 1/2, 1 and none, the last class without images."""
    labels = np.array([0, 0, 0, 0, 1, 1, 2])
    predictions = {"clean": labels, "pgd": np.array([0, 1, 0, 0, 0, 1, 2])}
    groups = {"head": [0, 1], "tail": [2, 3]}
    rows = scores(predictions, {}, labels, [4, 2, 1, 1], ["a", "b", "c", "d"], groups)
    clean, robust = (row for row in rows if row["scope"] == "all")
    assert (clean["class_range"], clean["class_sd"], clean["head_tail_gap"]) == (0, 0, 0)
    assert robust["class_range"] == 0.5
    assert robust["class_sd"] == pytest.approx(math.sqrt((0 + 1 / 16 + 1 / 16) / 3))
    assert robust["head_tail_gap"] == pytest.approx(5 / 8 - 1), "the tail is more robust"
    others = [row for row in rows if row["scope"] != "all"]
    assert all(math.isnan(row["class_range"] + row["class_sd"]) for row in others)
    assert math.isnan(disparity(np.array([0.5, 1.0]), {"head": [0]})["head_tail_gap"])
    assert all(map(math.isnan, disparity(np.array([np.nan]), {"head": [0], "tail": []}).values()))


def test_groups_are_rounded_to_whole_classes() -> None:
    """36 % and 24 % of 10 classes are 4 and 2; of 7 classes a half is 4 (3.5, to the even number)."""
    counts = [3, 9, 1, 7, 5, 10, 2, 8, 6, 4]
    assert class_groups(counts, 0.36, 0.24) == {
        "head": [1, 3, 5, 7], "medium": [0, 4, 8, 9], "tail": [2, 6],
    }  # fmt: skip
    assert class_groups([5, 5, 5, 5, 5, 5, 5], 0.5, 0.2)["head"] == [0, 1, 2, 3]


def test_rows_of_each_group() -> None:
    """Distances over the images of a group that are right when clean; its own training images."""
    labels = np.array([0, 0, 0, 1, 1, 2])
    predictions = {"clean": np.array([0, 0, 1, 1, 1, 2]), "cw": np.array([1, 1, 1, 0, 1, 0])}
    distances = {"cw": np.array([3.0, 5.0, 0.0, 7.0, 9.0, 1.0])}
    groups = {"head": [0], "tail": [1, 2]}
    rows = scores(predictions, distances, labels, [30, 20, 10], ["a", "b", "c"], groups)
    found = {row["scope"]: row for row in rows if row["attack"] == "cw" and row["scope"] != "class"}
    assert {scope: row["median_distance"] for scope, row in found.items()} == {
        "all": 5.0, "head": 5.0, "tail": 7.0, "worst_class": 5.0,
    }  # fmt: skip
    assert {scope: row["train_images"] for scope, row in found.items()} == {
        "all": 60, "head": 30, "tail": 30, "worst_class": 30,
    }  # fmt: skip
    assert found["tail"]["accuracy"] == pytest.approx(1 / 3)
    assert found["tail"]["balanced_accuracy"] == pytest.approx(1 / 4)


def test_accuracy_leaves_out_classes_without_images() -> None:
    recall, images = recalls(np.array([True, False, True]), np.array([0, 0, 2]), 3)
    assert accuracy(recall, images, range(3)).value == pytest.approx(2 / 3)
    assert math.isfinite(accuracy(recall, images, range(3)).standard_error)


@pytest.mark.parametrize(
    ("classes", "head", "tail"), [(7, [0, 1, 2, 3], [4, 5, 6]), (3, [0, 1], [2])]
)
def test_no_class_is_both_head_and_tail(classes: int, head: list[int], tail: list[int]) -> None:
    """Both shares round up; the head has the class in the middle."""
    groups = class_groups(range(classes, 0, -1), 0.5, 0.5)
    assert groups == {"head": head, "tail": tail}

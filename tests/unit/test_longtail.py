import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taet.errors import UserError
from taet.longtail import (
    class_counts,
    hold_out,
    ldam_drw_order,
    long_tailed_counts,
    order_classes,
    permute_classes,
    pools,
    take,
)

# The label files of TAET's release agree with these.
CIFAR10 = {
    10: [5000, 3871, 2997, 2320, 1796, 1391, 1077, 834, 645, 500],
    20: [5000, 3584, 2569, 1842, 1320, 946, 678, 486, 348, 250],
    50: [5000, 3237, 2096, 1357, 878, 568, 368, 238, 154, 100],
    100: [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50],
}
CIFAR10_TEST = {10: 4084, 20: 3401, 50: 2795, 100: 2478}


@pytest.mark.parametrize("ratio", CIFAR10)
def test_golden_counts(ratio: int) -> None:
    assert class_counts(5000, ratio, 10, "exponential") == CIFAR10[ratio]
    assert sum(class_counts(1000, ratio, 10, "exponential")) == CIFAR10_TEST[ratio]


def test_cifar100_and_digits_counts() -> None:
    assert sum(class_counts(500, 10, 100, "exponential")) == 19573
    assert class_counts(124, 10, 10, "exponential") == [124, 96, 74, 57, 44, 34, 26, 20, 16, 12]


def test_step_profile() -> None:
    assert class_counts(100, 10, 5, "step") == [100, 100, 100, 10, 10]


def test_ratio_too_large_for_the_class() -> None:
    with pytest.raises(
        UserError, match="head class has 30 training images, so the ratio must be below 30"
    ):
        class_counts(30, 31, 10, "exponential")


@given(
    n_max=st.integers(1, 5000),
    ratio=st.floats(1, 100),
    classes=st.integers(1, 100),
    profile=st.sampled_from(["exponential", "step"]),
)
def test_counts_fall_from_n_max(n_max: int, ratio: float, classes: int, profile: str) -> None:
    try:
        counts = class_counts(n_max, ratio, classes, profile)
    except UserError:
        assert n_max < ratio
        return
    assert counts[0] == n_max
    assert counts == sorted(counts, reverse=True)
    assert min(counts) >= 1


def _lists(seed: int, ratio: float) -> np.ndarray:
    labels = np.arange(1000) % 10
    permuted = permute_classes(labels, np.arange(1000), 10, np.random.default_rng(seed))
    return take(permuted, class_counts(100, ratio, 10, "exponential"))


@given(st.integers(0, 1000), st.floats(1, 100), st.floats(1, 100))
def test_lists_are_nested_over_imbalance_ratios(seed: int, a: float, b: float) -> None:
    fewer, more = _lists(seed, max(a, b)), _lists(seed, min(a, b))
    assert set(fewer) <= set(more)
    assert len(set(more)) == len(more)


def test_seed_decides_the_list() -> None:
    assert (_lists(1, 10) == _lists(1, 10)).all()
    assert not (_lists(1, 10) == _lists(2, 10)).all()


def test_class_too_small() -> None:
    with pytest.raises(UserError, match="class 0 has 100 images, 101 are needed"):
        take(
            permute_classes(np.zeros(100, int), np.arange(100), 1, np.random.default_rng(0)), [101]
        )


def test_pools_without_an_official_split() -> None:
    labels, official = np.arange(40) % 2, np.full(40, 255, np.uint8)
    train, test = pools(labels, official, 2, 5, np.random.default_rng(0))
    assert [len(c) for c in train] == [15, 15]
    assert [len(c) for c in test] == [5, 5]
    assert sorted(np.concatenate([*train, *test])) == list(range(40))
    assert all((labels[c] == k).all() for k, c in enumerate(test))
    with pytest.raises(UserError, match="test_per_class: 20 leaves no training image"):
        pools(labels, official, 2, 20, np.random.default_rng(0))


def test_pools_that_cannot_be() -> None:
    labels, rng = np.arange(40) % 2, np.random.default_rng(0)
    with pytest.raises(UserError, match=r"no official test set.*longtail\.test_per_class"):
        pools(labels, np.full(40, 255, np.uint8), 2, None, rng)
    official = np.repeat(np.array([0, 2], np.uint8), 20)
    with pytest.raises(UserError, match="class 2 has no training image"):
        pools(labels, official, 3, None, rng)
    labels = np.array([0, 1] * 10 + [0] * 20)
    with pytest.raises(UserError, match="class 1 has no test image"):
        pools(labels, official, 2, None, rng)


def test_class_order() -> None:
    rng, sizes = np.random.default_rng(0), [3, 9, 9, 5]
    assert order_classes("label", sizes, rng) == [0, 1, 2, 3]
    assert order_classes("reversed", sizes, rng) == [3, 2, 1, 0]
    assert order_classes("size", sizes, rng) == [1, 2, 3, 0]
    drawn = [order_classes("random", sizes, np.random.default_rng(s)) for s in range(20)]
    assert all(sorted(order) == [0, 1, 2, 3] for order in drawn)
    assert len(set(map(tuple, drawn))) > 5


def test_counts_follow_the_class_order() -> None:
    assert long_tailed_counts([10, 12, 11], 10, "exponential", [2, 0, 1], "test") == [3, 1, 10]
    assert long_tailed_counts([10, 12, 11], None, "exponential", [2, 0, 1], "test") == [10, 12, 11]


def test_validation_is_a_part_of_the_training_images_only() -> None:
    labels = np.arange(1000) % 10
    permuted = permute_classes(labels, np.arange(1000), 10, np.random.default_rng(0))
    counts = class_counts(100, 10, 10, "exponential")
    held = hold_out(counts, 0.2)
    assert held == [20, 15, 11, 9, 7, 5, 4, 3, 2, 2]
    kept = [n - h for n, h in zip(counts, held, strict=True)]
    train, validation = take(permuted, kept), take(permuted, counts, skip=kept)
    assert not set(train) & set(validation)
    assert set(train) | set(validation) == set(take(permuted, counts))
    assert np.bincount(labels[validation], minlength=10).tolist() == held


@given(st.floats(0, 1, exclude_max=True), st.integers(1, 5000))
def test_validation_leaves_a_training_image(share: float, count: int) -> None:
    assert 0 <= hold_out([count], share)[0] < count


def test_pools_of_an_official_split() -> None:
    """Training images never come from the official test or validation part."""
    labels = np.arange(40) % 2
    official = np.repeat(np.array([0, 1, 2], np.uint8), [20, 8, 12])
    train, test = pools(labels, official, 2, None, np.random.default_rng(0))
    assert sorted(np.concatenate(train)) == list(range(20))
    assert sorted(np.concatenate(test)) == list(range(28, 40))


def test_legacy_selection_is_that_of_ldam_drw() -> None:
    """Against the procedure as the peers' code runs it, on the global legacy generator."""
    labels = np.random.default_rng(7).integers(0, 10, 5000)
    counts = class_counts(400, 10, 10, "exponential")
    before = np.random.get_state()  # noqa: NPY002
    np.random.seed(0)  # noqa: NPY002
    expected = []
    for c, count in enumerate(counts):
        indices = np.where(labels == c)[0]
        np.random.shuffle(indices)  # noqa: NPY002
        expected.append(indices[:count])
    np.random.set_state(before)  # noqa: NPY002
    shuffled = permute_classes(labels, np.arange(5000), 10, np.random.default_rng(3))
    ours = take(ldam_drw_order(shuffled), counts)
    assert (ours == np.concatenate(expected)).all()
    assert (np.random.get_state()[1] == before[1]).all(), "the global generator is left alone"  # noqa: NPY002

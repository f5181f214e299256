import medmnist
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taet.data.longtail import (
    class_counts,
    class_shares,
    head_sizes,
    hold_out,
    largest_head,
    ldam_drw_order,
    left_over,
    long_tailed_counts,
    order_classes,
    permute_classes,
    pools,
    take,
)
from taet.errors import UserError
from taet.study.params.load import load_params
from tests.conftest import ROOT

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
    counts = class_counts(500, 10, 100, "exponential")
    assert (sum(counts), counts[0], counts[-1]) == (19573, 500, 50)
    tests = [class_counts(100, ratio, 100, "exponential") for ratio in (10, 20, 50, 100)]
    assert [(sum(counts), counts[-1]) for counts in tests] == [
        (3876, 10), (3140, 5), (2486, 2), (2131, 1)
    ]  # fmt: skip
    assert class_counts(124, 10, 10, "exponential") == [124, 96, 74, 57, 44, 34, 26, 20, 16, 12]


def test_step_profile() -> None:
    assert class_counts(100, 10, 5, "step") == [100, 100, 100, 10, 10]


def test_ratio_too_large_for_the_class() -> None:
    with pytest.raises(
        UserError, match="head class has 30 training images, so the ratio must be at most 30"
    ):
        class_counts(30, 31, 10, "exponential")


@pytest.mark.parametrize("profile", ["exponential", "step"])
def test_whole_numbers_do_not_lose_an_image_to_rounding(profile: str) -> None:
    """The tail of n images at ratio n has exactly one, though 49 * (1 / 49) is below 1 in floats."""
    for n in range(1, 3000):
        assert class_counts(n, n, 10, profile)[-1] == 1
        assert class_counts(5000, n, 10, profile)[-1] == 5000 // n
    # With three classes the middle one of a square number is whole too.
    for n in range(1, 300):
        assert class_counts(n * n, n * n, 3, "exponential") == [n * n, n, 1]


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


def test_pools_of_an_official_test_set_that_is_cut() -> None:
    labels, official = np.arange(80) % 2, np.repeat(np.array([0, 2], np.uint8), 40)
    whole, cut = (pools(labels, official, 2, n, np.random.default_rng(0)) for n in (None, 6))
    assert [len(c) for c in whole[1]] == [20, 20]
    for all_of_class, some in zip(whole[1], cut[1], strict=True):
        assert some.tolist() == all_of_class[:6].tolist()
    assert np.array_equal(whole[0], cut[0])
    with pytest.raises(UserError, match="class 0 has 20 official test images; must be at most 20"):
        pools(labels, official, 2, 21, np.random.default_rng(0))


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
    sizes, order = [10, 12, 11], [2, 0, 1]
    assert long_tailed_counts(sizes, 10, 10, "exponential", order, "test") == [3, 1, 10]
    assert long_tailed_counts(sizes, 10, None, "exponential", order, "test") == sizes


# Images per class of DermaMNIST's official training and test part.
DERMA_TRAIN, DERMA_TEST = [228, 359, 769, 80, 779, 4693, 99], [66, 103, 220, 23, 223, 1341, 29]


def test_head_of_an_imbalanced_data_set() -> None:
    order = order_classes("size", DERMA_TRAIN, np.random.default_rng(0))
    assert head_sizes(DERMA_TRAIN, DERMA_TEST, None) == (80, 23)
    for ratio in (10, 20):
        shares = class_shares(ratio, 7, "exponential")
        largest = largest_head([DERMA_TRAIN[c] for c in order], shares)
        counts = long_tailed_counts(DERMA_TRAIN, largest, ratio, "exponential", order, "training")
        assert all(n <= size for n, size in zip(counts, DERMA_TRAIN, strict=True))
        with pytest.raises(
            UserError, match=rf"head_images: class \d has .* must be at most {largest}$"
        ):
            long_tailed_counts(DERMA_TRAIN, largest + 1, ratio, "exponential", order, "training")
    # The number of the study `medmnist`: the largest head at ratio 10.
    head, test_head = head_sizes(DERMA_TRAIN, DERMA_TEST, 681)
    assert largest_head([DERMA_TRAIN[c] for c in order], class_shares(10, 7, "exponential")) == head
    for ratio in (10, 20, 190):
        counts = long_tailed_counts(DERMA_TEST, test_head, ratio, "exponential", order, "test")
        assert counts[5] == test_head == 194


# Images per class of the official training and test parts of the sets that the studies name.
OFFICIAL = {
    "cifar10": ([5000] * 10, [1000] * 10),
    "cifar100": ([500] * 100, [100] * 100),
    "tiny_imagenet": ([500] * 200, [50] * 200),
    "dermamnist": (DERMA_TRAIN, DERMA_TEST),
    "bloodmnist": (
        [852, 2181, 1085, 2026, 849, 993, 2330, 1643],
        [244, 624, 311, 579, 243, 284, 666, 470],
    ),
    "pathmnist": (
        [9366, 9509, 10360, 10401, 8006, 12182, 7886, 9401, 12885],
        [1338, 847, 339, 634, 1035, 592, 741, 421, 1233],
    ),
}


def test_official_sizes_are_those_of_the_sets() -> None:
    for name in ("dermamnist", "bloodmnist", "pathmnist"):
        sizes = medmnist.INFO[name]["n_samples"]
        assert [sum(part) for part in OFFICIAL[name]] == [sizes["train"], sizes["test"]]


@pytest.mark.parametrize(
    "study", ["cifar10_lt", "cifar100_lt", "tiny_imagenet_lt", "medmnist", "cifar10_faithful"]
)
def test_studies_fit_the_official_class_sizes(study: str) -> None:
    """Every ratio of a study can be drawn, nested, and with enough images to train on."""
    resolved = load_params(ROOT / "params.yaml", study)
    names = set(resolved.grid.datasets) & set(OFFICIAL)
    ratios = sorted(r for r in resolved.grid.imbalance_ratios if r != "natural")
    assert names
    assert len(ratios) > 1, "so that one can be nested in another"
    for name in names:
        train, test = OFFICIAL[name]
        longtail = resolved.datasets[name].longtail
        order = order_classes(longtail.class_order, train, np.random.default_rng(0))
        head, test_head = head_sizes(train, test, longtail.head_images)
        before = [train, test]
        for ratio in ratios:
            options = (ratio, longtail.profile, order)
            counts = [
                long_tailed_counts(train, head, *options, "training"),
                long_tailed_counts(test, test_head, *options, "test"),
            ]
            for part, larger in zip(counts, before, strict=True):
                assert all(a <= b for a, b in zip(part, larger, strict=True))
                assert min(part) >= 1
            assert sum(counts[0]) > 10 * resolved.training.batch_size
            before = counts


@given(
    st.lists(st.integers(1, 5000), min_size=2, max_size=20),
    st.floats(1, 1000),
    st.sampled_from(["exponential", "step"]),
)
def test_largest_head_is_the_largest(sizes: list[int], ratio: float, profile: str) -> None:
    shares = class_shares(ratio, len(sizes), profile)
    head = largest_head(sizes, shares)

    def needed(n: int) -> list[int]:
        return [int(n * share + 1e-9) for share in shares]

    assert all(n <= size for n, size in zip(needed(head), sizes, strict=True))
    assert not all(n <= size for n, size in zip(needed(head + 1), sizes, strict=True))


@given(st.lists(st.integers(1, 500), min_size=10, max_size=10), st.floats(1, 100), st.floats(0, 1))
def test_test_view_has_enough_images_wherever_training_has(
    sizes: list[int], ratio: float, share: float
) -> None:
    """Proportional parts of the classes, as official splits are; the head is any that training has images for."""
    tests = [1 + size // 5 for size in sizes]
    order = order_classes("size", sizes, np.random.default_rng(0))
    shares = class_shares(ratio, 10, "exponential")
    largest = largest_head([sizes[c] for c in order], shares)
    _, test_head = head_sizes(sizes, tests, 1 + round(share * (largest - 1)))
    counts = long_tailed_counts(tests, test_head, ratio, "exponential", order, "test")
    assert max(counts) == test_head
    assert all(count <= size for count, size in zip(counts, tests, strict=True))


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


def test_validation_images_beside_the_long_tail_are_the_last() -> None:
    """So they are the same for every imbalance ratio."""
    permuted = [np.arange(10), np.arange(10, 16)]
    for counts in ([4, 2], [7, 3]):
        last = left_over(permuted, counts, 3)
        assert [images.tolist() for images in last] == [[7, 8, 9], [13, 14, 15]]


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

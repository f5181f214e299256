"""Intervals and tests against known answers."""

import math

import numpy as np
import pytest

from taet.scores.bootstrap import (
    Resampled,
    Seed,
    class_draws,
    contrasts,
    interval,
    intervals,
    resample,
)
from taet.scores.metrics import balanced_accuracy, recalls, variances
from taet.scores.predictions import Predictions
from taet.stages.score import _seeds


def made(rng: np.random.Generator, shares: dict[str, float], images: int = 200) -> Seed:
    labels = np.repeat([0, 1, 2], [images, images // 2, images // 4])
    common = rng.random(len(labels))
    correct = {(m, "pgd"): common < share for m, share in shares.items()}
    index = np.arange(len(labels)) + rng.integers(2**31)  # images of its own
    return Seed(index, labels, correct, {"all": [0, 1, 2], "tail": [2]})


def draws_of(seed: Seed, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Balanced accuracy under resampled images of one seed, [draws, pairs]."""
    return resample([seed], draws, rng)["all"].draws


def test_bootstrap_error_is_the_binomial_one() -> None:
    rng = np.random.default_rng(0)
    seed = made(rng, {"a": 0.3})
    draws = draws_of(seed, 4000, rng)[:, 0]
    recall = [seed.correct["a", "pgd"][seed.labels == c] for c in range(3)]
    variance = sum(r.mean() * (1 - r.mean()) / len(r) for r in recall) / 9
    assert draws.mean() == pytest.approx(np.mean([r.mean() for r in recall]), abs=0.002)
    assert draws.std() == pytest.approx(math.sqrt(variance), rel=0.05)


def test_interval_covers_as_often_as_it_says() -> None:
    rng, truth, hits = np.random.default_rng(1), 0.4, 0
    for _ in range(200):
        draws = draws_of(made(rng, {"a": truth}), 300, rng)[:, 0]
        low, high = interval(draws, 0.95)
        hits += low <= truth <= high
    assert 0.90 <= hits / 200 <= 0.985


def test_pairing_narrows_the_interval() -> None:
    """Two methods that fail on nearly the same images differ significantly; unpaired they would not."""
    rng = np.random.default_rng(2)
    seed = made(rng, {"a": 0.52, "b": 0.48})
    draws = draws_of(seed, 2000, rng)
    paired = (draws[:, 0] - draws[:, 1]).std()
    apart = math.hypot(draws[:, 0].std(), draws[:, 1].std())
    assert paired < 0.5 * apart


def test_seeds_widen_the_interval() -> None:
    rng = np.random.default_rng(3)
    seeds = [made(rng, {"a": share}) for share in (0.3, 0.5, 0.7)]
    both = resample(seeds, 2000, rng)["all"].draws[:, 0]
    assert both.mean() == pytest.approx(0.5, abs=0.03)
    assert both.std() > 2 * draws_of(seeds[0], 2000, rng)[:, 0].std()


def simulated(
    rng: np.random.Generator, count: int, shared: bool, spread: float
) -> tuple[list[Seed], float]:
    """Seeds of one method, and the share that infinitely many seeds and images would show.

    An image is hard or easy for all seeds, and a seed is good or bad on all images.
    """
    labels = np.repeat([0, 1], 150)
    hardness = rng.normal(size=len(labels))
    seeds = []
    for number in range(count):
        own = hardness if shared else rng.normal(size=len(labels))
        score = own + rng.normal(size=len(labels)) + spread * rng.normal()
        index = np.arange(len(labels)) + (0 if shared else number * len(labels))
        seeds.append(Seed(index, labels, {("a", "pgd"): score > 0}, {"all": [0, 1]}))
    return seeds, 0.5


@pytest.mark.parametrize(
    ("shared", "count", "spread", "least"),
    [(True, 3, 0.0, 0.9), (True, 10, 0.0, 0.9), (True, 10, 0.3, 0.88), (False, 3, 0.0, 0.9), (False, 10, 0.3, 0.88)],
)  # fmt: skip
def test_interval_over_seeds_covers_the_truth(
    shared: bool, count: int, spread: float, least: float
) -> None:
    """On images that all seeds share, more seeds do not make the images more."""
    rng, hits, tries = np.random.default_rng(8), 0, 150
    for _ in range(tries):
        seeds, truth = simulated(rng, count, shared, spread)
        low, high = interval(resample(seeds, 300, rng)["all"].draws[:, 0], 0.95)
        hits += low <= truth <= high
    assert least <= hits / tries


def test_classes_without_images_do_not_count() -> None:
    rng = np.random.default_rng(6)
    labels = np.repeat([0, 2], [30, 20])
    right = np.arange(50) % 2 == 0
    scopes = {"all": [0, 1, 2], "tail": [1, 2]}
    seed = Seed(np.arange(50), labels, {("a", "pgd"): right}, scopes)
    drawn = class_draws(seed, 50, rng)
    assert np.isnan(drawn[1]).all()
    assert np.isfinite(drawn[[0, 2]]).all()
    found = resample([seed], 50, rng)
    assert found["all"].exact.item() == pytest.approx(0.5)
    assert np.isfinite(found["tail"].draws).all()


def test_intervals() -> None:
    rng = np.random.default_rng(7)
    seeds = [made(rng, {"a": share, "b": 0.9}) for share in (0.4, 0.5, 0.6)]
    pairs = list(seeds[0].correct)
    rows = list(intervals(resample(seeds, 1000, rng), pairs, 0.95))
    assert [(r["method"], r["scope"]) for r in rows] == [
        ("a", "all"), ("a", "tail"), ("b", "all"), ("b", "tail"),
    ]  # fmt: skip
    for row in rows:
        assert row["seeds"] == 3
        assert row["low"] < row["balanced_accuracy"] < row["high"]
    by_hand = np.mean(
        [np.mean([s.correct["a", "pgd"][s.labels == c].mean() for c in range(3)]) for s in seeds]
    )
    assert rows[0]["balanced_accuracy"] == pytest.approx(by_hand)
    assert rows[1]["high"] - rows[1]["low"] > rows[0]["high"] - rows[0]["low"], "fewer images"


def test_images_that_seeds_share_are_resampled_together() -> None:
    """A data set's own test set, which each seed has drawn in another order: the same images for all."""
    rng = np.random.default_rng(7)
    hardness, labels = rng.random(600), np.arange(600) % 3
    models = []
    for seed in range(3):
        order = rng.permutation(600)
        right = hardness + 0.05 * rng.random(600) < 0.5  # seeds agree on nearly all images
        models.append(
            Predictions(
                cell={"method": "a", "seed": seed},
                index=1000 + order,
                label=labels[order],
                predicted={"clean": np.where(right, labels, 3)[order]},
                distance={},
                facts={},
                test_sets={"balanced": np.ones(600, dtype=bool)},
                train_counts=[5, 5, 5],
                class_names=["a", "b", "c"],
                groups={},
            )
        )
    seeds = _seeds(models, "balanced")
    assert all(np.array_equal(seed.index, np.arange(1000, 1600)) for seed in seeds)
    assert all(np.array_equal(seed.labels, labels) for seed in seeds)
    spread = resample(seeds, 2000, rng)["all"].draws.std()
    alone = math.sqrt(
        0.25 / 600
    )  # of one seed; with images of its own for each it would be a root of 3 less
    assert spread == pytest.approx(alone, rel=0.15)


def test_classes_without_test_images_are_left_out() -> None:
    """As in a long-tailed test set whose rarest classes have no image left."""
    rng = np.random.default_rng(6)
    seeds = []
    for _ in range(2):
        seed = made(rng, {"a": 0.6, "b": 0.5})
        kept = seed.labels != 2
        correct = {pair: right[kept] for pair, right in seed.correct.items()}
        seeds.append(Seed(seed.index[kept], seed.labels[kept], correct, seed.scopes))
    found = resample(seeds, 50, rng)
    assert list(found) == ["all"]
    rows = [*contrasts(found, list(seeds[0].correct), 0.95)]
    assert [row["scope"] for row in rows] == ["all"]
    assert np.isfinite(rows[0]["difference"])


def test_contrasts() -> None:
    rng = np.random.default_rng(5)
    seeds = [made(rng, {"a": 0.6, "b": 0.5, "c": 0.5}) for _ in range(4)]
    rows = list(contrasts(resample(seeds, 500, rng), list(seeds[0].correct), 0.95))
    assert [(r["method"], r["other"], r["scope"]) for r in rows[:3]] == [
        ("a", "b", "all"), ("a", "c", "all"), ("b", "c", "all")
    ]  # fmt: skip
    first, _, same = rows[:3]
    assert first["low"] < first["difference"] < first["high"]
    assert first["low"] > 0
    assert first["seeds"] == 4
    assert same["difference"] == 0
    assert same["low"] < 0 < same["high"], "equal on these images, not on all"


def test_images_of_ones_own_are_resampled_for_each_seed() -> None:
    """Two seeds with the same verdicts: on the same images their errors are one, on other images they cancel.

    A seed that is picked twice brings other images the second time: half the variance, not three quarters.
    """
    rng = np.random.default_rng(11)
    labels = np.repeat([0, 1], 150)
    correct = {("a", "pgd"): rng.random(300) < 0.5}
    spreads = []
    for offset in (0, 1000):
        seeds = [
            Seed(np.arange(300) + i * offset, labels, correct, {"all": [0, 1]}) for i in (0, 1)
        ]
        spreads.append(resample(seeds, 8000, rng)["all"].draws.std())
    shared, own = spreads
    assert own / shared == pytest.approx(math.sqrt(1 / 2), rel=0.05)


def test_contrasts_by_hand() -> None:
    """Method minus other: mean, and bounds of the draws."""
    exact = np.array([[0.60, 0.50, 0.30], [0.64, 0.52, 0.35], [0.62, 0.46, 0.31]])
    draws = np.linspace(0, 1, 101)[:, None] * [0.4, 0.1, 0.0] + [0.3, 0.2, 0.1]
    pairs = [(method, "pgd") for method in "abc"]
    rows = list(contrasts({"all": Resampled(exact, draws)}, pairs, 0.9))
    by_pair = {(row["method"], row["other"]): row for row in rows}
    assert list(by_pair) == [("a", "b"), ("a", "c"), ("b", "c")]
    first = by_pair["a", "b"]
    assert first["difference"] == pytest.approx((0.10 + 0.12 + 0.16) / 3)
    assert (first["low"], first["high"]) == pytest.approx((0.1 + 0.05 * 0.3, 0.1 + 0.95 * 0.3))


def long_tail() -> tuple[np.ndarray, np.ndarray]:
    """Test images and true recalls of each class of CIFAR-100-LT at ratio 100; half have fewer than ten images."""
    classes = np.arange(100)
    return np.maximum(100 * 100.0 ** (-classes / 99), 1).astype(int), np.linspace(0.6, 0.2, 100)


SCOPES = {"all": list(range(100)), "tail": list(range(70, 100))}


def test_intervals_cover_on_long_tailed_test_sets() -> None:
    """Images drawn again with replacement would cover 70 %, and 40 % in the tail."""
    rng, repetitions = np.random.default_rng(100), 400
    images, share = long_tail()
    labels = np.repeat(np.arange(100), images)
    hits = dict.fromkeys(SCOPES, 0)
    for _ in range(repetitions):
        right = rng.random(len(labels)) < share[labels]
        seed = Seed(np.arange(len(labels)), labels, {("a", "pgd"): right}, SCOPES)
        for scope, values in resample([seed], 200, rng).items():
            low, high = interval(values.draws[:, 0], 0.95)
            hits[scope] += low <= share[SCOPES[scope]].mean() <= high
    for scope, count in hits.items():
        assert 0.93 <= count / repetitions <= 0.97, scope


def test_a_class_with_one_image_scatters_as_classes_of_like_size() -> None:
    """Standard errors of the draws against those of the metrics, by class and over all."""
    rng = np.random.default_rng(2)
    images, share = long_tail()
    labels = np.repeat(np.arange(100), images)
    right = rng.random(len(labels)) < share[labels]
    seed = Seed(np.arange(len(labels)), labels, {("a", "pgd"): right}, SCOPES)
    drawn = class_draws(seed, 4000, rng)[:, :, 0]
    recall, count = recalls(right, labels, 100)
    assert drawn.mean(1) == pytest.approx(recall, abs=0.03), "around the recalls themselves"
    assert drawn.std(1) == pytest.approx(np.sqrt(variances(recall, count)), rel=0.05)
    estimate = balanced_accuracy(recall, count, range(100))
    assert drawn.mean(0).std() == pytest.approx(estimate.standard_error, rel=0.04)


def test_two_methods_differ_by_half_an_image_more_in_each_cell() -> None:
    """Variance of a difference on n images: the table of right and wrong with half an image added to each cell."""
    rng = np.random.default_rng(3)
    one, other = np.arange(20) < 12, (np.arange(20) >= 3) & (np.arange(20) < 9)
    pairs = {("a", "pgd"): one, ("b", "pgd"): other}
    seed = Seed(np.arange(20), np.zeros(20, dtype=int), pairs, {"all": [0]})
    drawn = class_draws(seed, 20000, rng)[0]
    better, worse = ((one & ~other).sum() + 0.5) / 22, ((~one & other).sum() + 0.5) / 22
    variance = (better + worse - (better - worse) ** 2) / 20
    assert np.var(drawn[:, 0] - drawn[:, 1]) == pytest.approx(variance, rel=0.05)


def test_intervals_end_at_0_and_1() -> None:
    """A class with one image is smoothed, so that draws can lie outside of what a share can be."""
    draws = np.linspace([-0.2, 0.9], [0.1, 1.2], 101)
    resampled = {"all": Resampled(exact=np.array([[0.0, 1.0]]), draws=draws)}
    low, high = intervals(resampled, [("a", "pgd"), ("b", "pgd")], 0.9)
    assert low["low"] == 0
    assert low["high"] == pytest.approx(0.085)
    assert high["low"] == pytest.approx(0.915)
    assert high["high"] == 1

"""Tukey's intervals against literal formulas, published quantiles, and simulation."""

import math
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from taet.scores import tukey


def metrics(
    shares: dict[str, list[float]], scope: str = "all", attack: str = "pgd"
) -> pd.DataFrame:
    """Rows of metrics.csv: shares by method, a seed after another."""
    rows = [
        {
            "dataset": "d", "imbalance_ratio": "10", "architecture": "net", "checkpoint": "last",
            "test_set": "balanced", "attack": attack, "scope": scope, "method": method, "seed": seed,
            "balanced_accuracy": share,
        }
        for method, values in shares.items() for seed, share in enumerate(values)
    ]  # fmt: skip
    return pd.DataFrame(rows)


SHARES = {"a": [0.60, 0.64, 0.62], "b": [0.50, 0.52, 0.46], "c": [0.30, 0.35, 0.31]}


def by_pair(rows: pd.DataFrame) -> dict[tuple[str, str], pd.Series]:
    return {(row["method"], row["other"]): row for _, row in rows.iterrows()}


def literal(shares: np.ndarray, q: float) -> np.ndarray:
    """Half-widths, from residuals of a least-squares fit of a constant for each method and each seed."""
    m, s = shares.shape
    design = np.zeros((m * s, m + s))
    for i in range(m):
        for j in range(s):
            design[i * s + j, [i, m + j]] = 1
    fitted = design @ np.linalg.lstsq(design, shares.ravel(), rcond=None)[0]
    mean_square = ((shares.ravel() - fitted) ** 2).sum() / ((m - 1) * (s - 1))
    return q * math.sqrt(mean_square / s)


def test_by_hand_and_by_least_squares() -> None:
    """The quantile of three means and 4 degrees of freedom is 5.040 in every table of the studentized range."""
    pairs = by_pair(tukey.differences(metrics(SHARES), 0.95))
    assert list(pairs) == [("a", "b"), ("a", "c"), ("b", "c")]
    reach = literal(np.array(list(SHARES.values())), 5.040)
    first = pairs["a", "b"]
    assert first["difference"] == pytest.approx((0.10 + 0.12 + 0.16) / 3)
    assert first["seeds"] == 3
    for pair in pairs.values():
        assert pair["high"] - pair["difference"] == pytest.approx(reach, rel=2e-4)
        assert pair["difference"] - pair["low"] == pytest.approx(reach, rel=2e-4)
    residuals = [0.0, 0.0, 0.0]  # of the seeds' means 1.40/3, 1.51/3, 1.39/3 about 4.30/9
    centered = np.array(list(SHARES.values())) - [[0.62], [1.48 / 3], [0.96 / 3]]
    residuals = centered - np.array([1.40, 1.51, 1.39]) / 3 + 4.30 / 9
    assert reach == pytest.approx(5.040 * math.sqrt((residuals**2).sum() / 4 / 3))


def test_two_methods_are_a_paired_t_test() -> None:
    pair = tukey.differences(metrics({m: SHARES[m] for m in "ab"}), 0.95).iloc[0]
    apart = np.subtract(SHARES["a"], SHARES["b"])
    low, high = stats.ttest_1samp(apart, 0).confidence_interval(0.95)
    assert (pair["low"], pair["high"]) == pytest.approx((low, high), rel=1e-5)


def test_what_seeds_share_cancels() -> None:
    moved = {m: list(np.add(values, [0.1, -0.2, 0.05])) for m, values in SHARES.items()}
    columns = ["difference", "low", "high", "detectable"]
    plain, shifted = (tukey.differences(metrics(s), 0.95)[columns] for s in (SHARES, moved))
    assert shifted.to_numpy() == pytest.approx(plain.to_numpy())


def test_a_method_without_a_tail_is_left_out() -> None:
    """It does not narrow the others' intervals; its own have the scatter of the others about their means."""
    shares = SHARES | {"none": [0.0, 0.01, 0.0]}
    rows = tukey.differences(metrics(shares, "tail"), 0.95)
    assert tukey.left_out(rows) == ["none"]
    pairs = by_pair(rows)
    q = stats.studentized_range.ppf(0.95, 4, 4)  # all four methods are compared
    reach = literal(np.array(list(SHARES.values())), q)
    assert pairs["a", "b"]["high"] - pairs["a", "b"]["difference"] == pytest.approx(reach)
    centered = np.array([np.subtract(v, np.mean(v)) for v in SHARES.values()])
    within = stats.studentized_range.ppf(0.95, 4, 6) * math.sqrt((centered**2).sum() / 6 / 3 / 2)
    assert pairs["a", "none"]["high"] - pairs["a", "none"]["difference"] == pytest.approx(within)
    assert (
        tukey.left_out(tukey.differences(metrics(SHARES | {"none": [0.0, 0.011, 0.0]}), 0.95)) == []
    )
    full = tukey.differences(metrics(SHARES | {"full": [1.0, 0.995, 0.99]}), 0.95)
    assert tukey.left_out(full) == ["full"]
    both = by_pair(tukey.differences(metrics(shares | {"too": [0.0, 0.0, 0.0]}), 0.95))
    assert math.isnan(both["none", "too"]["low"])
    assert not tukey.is_significant(both["none", "too"])


def test_no_interval_where_seeds_give_no_variance() -> None:
    rows = tukey.differences(metrics({"a": [0.5, 0.6], "b": [0.3, 0.4]}), 0.95)
    assert rows["low"].isna().all()
    assert rows["detectable"].isna().all()
    alone = tukey.differences(metrics({"a": [0.5, 0.6], "b": [0.0, 0.0]}), 0.95).iloc[0]
    assert alone["low"] < alone["difference"] < alone["high"], "from the seeds of a alone"


@pytest.mark.parametrize("shares", [{"a": [0.5], "b": [0.6]}, {"a": [0.5, 0.6]}])
def test_one_seed_or_one_method_has_no_differences(shares: dict[str, list[float]]) -> None:
    rows = tukey.differences(metrics(shares), 0.95)
    assert not len(rows)
    assert list(rows) == tukey.COLUMNS


def test_families_are_apart_and_of_all_and_tail_classes() -> None:
    wider = {
        m: list(np.add(v, [0.1, 0, 0][: len(v)]) if m == "a" else v) for m, v in SHARES.items()
    }
    parts = [
        metrics(SHARES),
        metrics(wider, "tail"),
        metrics(SHARES, "head"),
        metrics(wider, attack="x"),
    ]
    rows = tukey.differences(pd.concat(parts), 0.95)
    assert list(rows.groupby(["attack", "scope"], sort=False).groups) == [
        ("pgd", "all"), ("pgd", "tail"), ("x", "all"),
    ]  # fmt: skip
    by_itself = tukey.differences(metrics(SHARES), 0.95)
    assert rows.iloc[:3]["high"].tolist() == by_itself["high"].tolist()


def test_a_seed_without_test_images_does_not_count() -> None:
    longer = {m: [*values, math.nan if m == "b" else 0.5] for m, values in SHARES.items()}
    rows, plain = (tukey.differences(metrics(s), 0.95) for s in (longer, SHARES))
    assert rows["seeds"].tolist() == [3, 3, 3]
    assert rows["high"].to_numpy() == pytest.approx(plain["high"].to_numpy())


def simulated(rng: np.random.Generator, means: np.ndarray, seeds: int) -> pd.DataFrame:
    shared, own = rng.normal(0, 0.03, seeds), rng.normal(0, 0.01, (len(means), seeds))
    shares = means[:, None] + shared + own
    return metrics({f"m{i}": list(row) for i, row in enumerate(shares)})


def test_all_pairs_hold_at_once() -> None:
    """In 95 of 100 studies of six methods and three seeds no interval misses its true difference."""
    rng, means, repetitions, hits = np.random.default_rng(0), np.linspace(0.3, 0.5, 6), 400, 0
    truth = np.array([a - b for a, b in combinations(means, 2)])
    for _ in range(repetitions):
        rows = tukey.differences(simulated(rng, means, 3), 0.95)
        hits += bool(((rows["low"] <= truth) & (truth <= rows["high"])).all())
    assert 0.925 <= hits / repetitions <= 0.975


def test_the_detectable_difference_is_detected_in_four_of_five_studies() -> None:
    rng, repetitions, hits = np.random.default_rng(1), 400, 0
    effect = (
        tukey.detectable_effect(4, 6, 0.95) * 0.01 * math.sqrt(2 / 3)
    )  # 4 methods, 3 seeds, sd 0.01
    means = 0.4 + np.array([0, effect, 0.1, 0.2])
    for _ in range(repetitions):
        first = tukey.differences(simulated(rng, means, 3), 0.95).iloc[0]
        hits += tukey.is_significant(first)
    assert 0.75 <= hits / repetitions <= 0.85
    known = tukey.differences(metrics(SHARES), 0.95).iloc[0]
    standard_error = (known["high"] - known["difference"]) / tukey.critical_t(3, 4, 0.95)
    assert known["detectable"] == pytest.approx(
        tukey.detectable_effect(3, 4, 0.95) * standard_error
    )


def test_verdict_is_that_of_the_interval() -> None:
    for low, high, significant in (
        (0.1, 0.2, True),
        (-0.2, -0.1, True),
        (-0.1, 0.1, False),
        (0.0, 0.1, False),
    ):
        assert tukey.is_significant(pd.Series({"low": low, "high": high})) == significant

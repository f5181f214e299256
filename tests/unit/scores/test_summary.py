"""Numbers over seeds by hand, where no two seeds are alike."""

import math
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from taet.scores.summary import KEYS, over_seeds, shown_rows, with_bootstrap

CELL: dict[str, Any] = {
    "dataset": "d", "imbalance_ratio": "10", "architecture": "net", "method": "m", "checkpoint": "last",
    "test_set": "balanced", "attack": "cw", "scope": "all", "class_index": None, "class_name": None,
    "train_images": 9, "test_images": 50, "norm": "l2", "eps": math.nan, "warnings": None,
}  # fmt: skip


def rows(values: list[float], **changes: Any) -> pd.DataFrame:
    return pd.DataFrame(
        CELL
        | {
            "seed": seed, "accuracy": value / 2, "accuracy_se": 0.01 * (seed + 1),
            "balanced_accuracy": value, "balanced_accuracy_se": 0.02 * (seed + 1),
            "median_distance": 0.1 * 2**seed,
        }
        | changes
        for seed, value in enumerate(values)
    )  # fmt: skip


def test_means_spreads_and_intervals() -> None:
    (row,) = over_seeds(rows([0.5, 0.6, 0.8]), 0.9).to_dict("records")
    assert row["seeds"] == 3
    assert row["balanced_accuracy"] == pytest.approx(19 / 30)
    sd = math.sqrt(((0.5 - 19 / 30) ** 2 + (0.6 - 19 / 30) ** 2 + (0.8 - 19 / 30) ** 2) / 2)
    assert row["balanced_accuracy_sd"] == pytest.approx(sd)
    assert row["accuracy_sd"] == pytest.approx(sd / 2)
    reach = 2.919986 * sd / math.sqrt(3)  # Student's t with 2 degrees of freedom, 90 %
    assert row["balanced_accuracy_low"] == pytest.approx(19 / 30 - reach, abs=1e-6)
    assert row["balanced_accuracy_high"] == pytest.approx(19 / 30 + reach, abs=1e-6)
    assert row["balanced_accuracy_se"] == pytest.approx(0.04)
    assert row["accuracy_se"] == pytest.approx(0.02)
    assert row["median_distance"] == pytest.approx((0.1 + 0.2 + 0.4) / 3)


def test_intervals_are_cut_to_shares() -> None:
    (low,) = over_seeds(rows([0.0, 0.1]), 0.95).to_dict("records")
    assert (low["balanced_accuracy_low"], low["balanced_accuracy_high"]) == (
        0,
        pytest.approx(0.685, abs=1e-3),
    )
    (high,) = over_seeds(rows([1.0, 0.9]), 0.95).to_dict("records")
    assert high["balanced_accuracy_high"] == 1


def test_images_are_means_over_seeds() -> None:
    """Seeds with other splits have other numbers of images."""
    metrics = rows([0.5, 0.6, 0.8]).assign(train_images=[9, 12, 18], test_images=[50, 40, 45])
    (row,) = over_seeds(metrics, 0.95).to_dict("records")
    assert (row["train_images"], row["test_images"]) == (13, 45)


def test_seeds_are_counted_not_numbered() -> None:
    assert over_seeds(rows([0.5, 0.6]).assign(seed=[7, 9]), 0.95)["seeds"].tolist() == [2]


@pytest.mark.parametrize("checkpoint", ["last", "best"])
@pytest.mark.parametrize("test_set", ["balanced", "long_tailed"])
def test_shown_rows(checkpoint: str, test_set: str) -> None:
    parts = [
        rows([0.5], checkpoint=c, test_set=v)
        for c in ("last", "best") for v in ("balanced", "long_tailed")
    ]  # fmt: skip
    report = SimpleNamespace(checkpoint=checkpoint, test_set=test_set)
    found = shown_rows(pd.concat(parts), report)
    assert found[["checkpoint", "test_set"]].to_numpy().tolist() == [[checkpoint, test_set]]


def test_bounds_of_the_bootstrap() -> None:
    summary = over_seeds(rows([0.5, 0.6]), 0.95)
    names = [key for key in KEYS if not key.startswith("class_")]
    bounds = pd.DataFrame([{name: CELL[name] for name in names} | {"low": 0.4, "high": 0.7}])
    (row,) = with_bootstrap(summary, bounds).to_dict("records")
    assert (row["bootstrap_low"], row["bootstrap_high"]) == (0.4, 0.7)


def test_seeds_without_images_of_a_class_do_not_count_in_its_interval() -> None:
    (row,) = over_seeds(rows([0.5, 0.6, math.nan]), 0.95).to_dict("records")
    reach = 12.706204736 * (0.1 / math.sqrt(2)) / math.sqrt(2)  # Student's t, 1 degree of freedom
    assert row["balanced_accuracy_high"] == pytest.approx(min(1, 0.55 + reach))
    narrow = over_seeds(rows([0.55, 0.551, math.nan]), 0.95).iloc[0]
    reach = 12.706204736 * (0.001 / math.sqrt(2)) / math.sqrt(2)
    assert narrow["balanced_accuracy_low"] == pytest.approx(0.5505 - reach)

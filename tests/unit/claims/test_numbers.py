"""Numbers from bits, by hand."""

from typing import Any

import numpy as np
import pytest

from taet.claims.numbers import claimed_numbers

PROTOCOL: dict[str, Any] = {
    "seed": 0, "confidence": 0.95, "bootstrap": 2000, "groups": {"head": 0.3, "tail": 0.3},
}  # fmt: skip
LABEL = np.array([0] * 4 + [1] * 4 + [2] * 2)
BITS = {
    "clean": [1, 1, 1, 1, 1, 1, 1, 0, 1, 0],
    "one": [1, 1, 1, 0, 1, 0, 1, 0, 1, 0],
    "two": [0, 1, 1, 1, 1, 1, 0, 0, 1, 0],
}
LONG_TAILED = np.array([1, 1, 1, 1, 1, 1, 0, 0, 1, 0], dtype=bool)


def numbers(bits: dict[str, list[int]] = BITS, train: tuple[int, ...] = (9, 5, 2)) -> Any:
    correct = {name: np.array(values, dtype=bool) for name, values in bits.items()}
    return claimed_numbers(correct, LABEL, LONG_TAILED, train, PROTOCOL)


@pytest.mark.parametrize(
    ("test_set", "attack", "images", "accuracy", "balanced", "tail", "worst"),
    [
        ("balanced", "clean", 10, 0.8, (1 + 3 / 4 + 1 / 2) / 3, 0.5, 0.5),
        ("balanced", "one", 10, 0.6, (3 / 4 + 2 / 4 + 1 / 2) / 3, 0.5, 0.5),
        ("balanced", "two", 10, 0.6, (3 / 4 + 2 / 4 + 1 / 2) / 3, 0.5, 0.5),
        ("balanced", "worst", 10, 0.4, (2 / 4 + 1 / 4 + 1 / 2) / 3, 0.5, 0.25),
        ("long_tailed", "clean", 7, 1.0, 1.0, 1.0, 1.0),
        ("long_tailed", "worst", 7, 4 / 7, (2 / 4 + 1 / 2 + 1) / 3, 1.0, 0.5),
    ],
)
def test_by_hand(
    test_set: str,
    attack: str,
    images: int,
    accuracy: float,
    balanced: float,
    tail: float,
    worst: float,
) -> None:
    given = numbers()[test_set][attack]
    assert given["images"] == images
    for name, value in {
        "accuracy": accuracy, "balanced_accuracy": balanced, "tail": tail, "worst_class": worst,
    }.items():  # fmt: skip
        assert given[name]["value"] == pytest.approx(value, abs=5.1e-7)
        assert given[name]["low"] < given[name]["high"]
        assert given[name]["low"] - 1e-6 <= value <= given[name]["high"] + 1e-6


def test_intervals() -> None:
    """Wilson's of 8 in 10; the bootstrap's has the standard error of two more images in each class."""
    given = numbers()["balanced"]["clean"]
    assert (given["accuracy"]["low"], given["accuracy"]["high"]) == pytest.approx(
        (0.490162, 0.943318), abs=2e-6
    )
    assert given["balanced_accuracy"]["low"] == pytest.approx(0.45, abs=0.06)
    assert given["balanced_accuracy"]["high"] == pytest.approx(1, abs=0.03)


def test_the_order_of_attacks_changes_nothing() -> None:
    """JSON has none."""
    assert numbers(dict(reversed(BITS.items()))) == numbers()


def test_equal_training_counts_leave_groups_by_number() -> None:
    """The tail is what is rarest in training: here the first class."""
    given = numbers(train=(1, 5, 5))["balanced"]["worst"]
    assert given["tail"]["value"] == 0.5
    assert numbers(train=(5, 1, 5))["balanced"]["worst"]["tail"]["value"] == 0.25


def test_a_group_without_an_image_has_no_number() -> None:
    label, long_tailed = LABEL, LONG_TAILED & (LABEL != 2)
    correct = {name: np.array(values, dtype=bool) for name, values in BITS.items()}
    given = claimed_numbers(correct, label, long_tailed, (9, 5, 2), PROTOCOL)["long_tailed"]
    assert given["worst"]["tail"] == {"value": None, "low": None, "high": None}
    assert given["worst"]["balanced_accuracy"]["value"] == 0.5

"""The numbers of a claim, from one bit an image and attack. No torch."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from taet.api.frame import score_frame
from taet.claims.protocol import WORST
from taet.scores.bootstrap import Resampled, Seed, interval, resample
from taet.scores.csv_bytes import DIGITS
from taet.scores.metrics import Array, class_groups, scores
from taet.seeds import seed_for

WRONG = -1  # stands for any prediction that is not the label
TEST_SETS = ("balanced", "long_tailed")
Numbers = dict[str, dict[str, dict[str, Any]]]


def claimed_numbers(
    correct: Mapping[str, Array],
    label: Array,
    long_tailed: Array,
    train_counts: Sequence[int],
    protocol: Mapping[str, Any],
) -> Numbers:
    """Accuracies with intervals, by test set and attack, in the order of their names.

    Args:
        correct: [N] bool by attack, ``clean`` among them: the image is classified correctly.
        label: [N] true classes.
        long_tailed: [N] bool, the image is in the long-tailed test set.
        train_counts: [C] training images of each class.
        protocol: see ``taet.claims.protocol.protocol_facts``.

    Returns:
        Of each attack, and of ``worst``, the worst case over all: ``images`` (n); ``accuracy`` over images
        and ``worst_class``, the accuracy of the class with the lowest one, with Wilson's interval;
        ``balanced_accuracy``, over all classes, and ``tail``, over tail classes, with the interval of the
        bootstrap over images. Shares of six digits; None where no class has an image.
    """
    attacks = [bits for name, bits in correct.items() if name != "clean"]
    # Sorted, since the bootstrap draws for one attack after the other, and JSON has no order.
    everything = dict(sorted({**correct, WORST: np.all(attacks, axis=0)}.items()))
    shares = protocol["groups"]
    groups = class_groups(train_counts, shares["head"], shares["tail"])
    result: Numbers = {}
    for test_set, inside in zip(TEST_SETS, (np.ones_like(long_tailed), long_tailed), strict=True):
        bits = {name: values[inside] for name, values in everything.items()}
        rows = _rows(bits, label[inside], train_counts, groups, protocol["confidence"])
        draws = _draws(test_set, bits, label[inside], groups, len(train_counts), protocol)
        result[test_set] = {
            name: _of_attack(rows, draws, name, i, protocol["confidence"])
            for i, name in enumerate(bits)
        }
    return result


def _rows(
    bits: Mapping[str, Array],
    label: Array,
    train_counts: Sequence[int],
    groups: Mapping[str, Sequence[int]],
    confidence: float,
) -> pd.DataFrame:
    """Scores of all attacks and scopes, by both."""
    predictions = {name: np.where(right, label, WRONG) for name, right in bits.items()}
    names = [str(c) for c in range(len(train_counts))]
    rows = scores(predictions, {}, label, train_counts, names, groups)
    frame = score_frame(rows, confidence, with_training=True)
    return frame[frame["scope"] != "class"].set_index(["attack", "scope"])


def _draws(
    test_set: str,
    bits: Mapping[str, Array],
    label: Array,
    groups: Mapping[str, Sequence[int]],
    classes: int,
    protocol: Mapping[str, Any],
) -> dict[str, Resampled]:
    """The bootstrap over images, by scope; attacks in their order."""
    scopes = {"all": list(range(classes)), **groups}
    correct = {("", name): right for name, right in bits.items()}
    seed = Seed(np.arange(len(label)), label, correct, scopes)
    rng = np.random.default_rng(seed_for("claim", test_set, protocol["seed"]))
    return resample([seed], protocol["bootstrap"], rng)


def _of_attack(
    rows: pd.DataFrame, draws: Mapping[str, Resampled], attack: str, number: int, confidence: float
) -> dict[str, Any]:
    """Numbers under one attack; ``number`` is its place in the draws."""
    everything = rows.loc[(attack, "all")]

    def wilson(scope: str) -> dict[str, float | None]:
        row = rows.loc[(attack, scope)]
        return _rounded(row["accuracy"], row["accuracy_low"], row["accuracy_high"])

    def bootstrap(scope: str) -> dict[str, float | None]:
        if (attack, scope) not in rows.index or scope not in draws:
            return _rounded(math.nan, math.nan, math.nan)
        bounds = np.clip(interval(draws[scope].draws[:, number], confidence), 0, 1)
        return _rounded(rows.loc[(attack, scope), "balanced_accuracy"], *bounds)

    return {
        "images": int(everything["test_images"]),
        "accuracy": wilson("all"),
        "balanced_accuracy": bootstrap("all"),
        "tail": bootstrap("tail"),
        "worst_class": wilson("worst_class"),
    }


def _rounded(value: float, low: float, high: float) -> dict[str, float | None]:
    numbers = {"value": value, "low": low, "high": high}
    return {name: None if math.isnan(x) else round(float(x), DIGITS) for name, x in numbers.items()}

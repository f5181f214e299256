"""One bit a test image: whether a network classifies it correctly, clean and under each attack.

With these bits worst cases, intervals over images and paired comparisons can be made again without
predictions, which are too large to be saved in git.

images.csv: the test images of every split, ``dataset``, ``imbalance_ratio``, ``seed``, ``index`` (in the data
set, ascending), ``label``, ``long_tailed`` (1 in the long-tailed test set).

correct.csv: ``dataset``, ``imbalance_ratio``, ``architecture``, ``method``, ``seed``, ``checkpoint``,
``attack`` (``clean`` first, no worst cases), ``correct``: the bits of the split's images in the order of
images.csv, eight to a byte, the first image in the highest bit, as hexadecimal digits.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from taet.axes import MODEL, SPLIT
from taet.scores.metrics import Array
from taet.scores.predictions import Predictions


def image_rows(model: Predictions) -> Iterator[dict[str, Any]]:
    """Rows of images.csv: the test images that a model was attacked on."""
    split = {axis: model.cell[axis] for axis in SPLIT}
    for i in np.argsort(model.index):
        yield {
            **split,
            "index": model.index[i],
            "label": model.label[i],
            "long_tailed": int(model.test_sets["long_tailed"][i]),
        }


def correct_rows(model: Predictions, worst_cases: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Rows of correct.csv of one model.

    Args:
        worst_cases: names that are left out, since they follow from the attacks.
    """
    order = np.argsort(model.index)
    for attack, predicted in model.predicted.items():
        if attack not in worst_cases:
            bits = (predicted == model.label)[order]
            cell = {axis: model.cell[axis] for axis in MODEL}
            yield {**cell, "attack": attack, "correct": to_hex(bits)}


def read_bits(
    images: pd.DataFrame, correct: pd.DataFrame
) -> dict[tuple[Any, ...], dict[str, Array]]:
    """By model (``MODEL``): ``label`` [N], ``long_tailed`` [N] bool, and of each attack its bits [N] bool."""
    splits = dict(iter(images.groupby(list(SPLIT), sort=False)))
    bits: dict[tuple[Any, ...], dict[str, Array]] = {}
    for row in correct.to_dict("records"):
        model = tuple(row[axis] for axis in MODEL)
        split = splits[tuple(row[axis] for axis in SPLIT)]
        if model not in bits:
            long_tailed = split["long_tailed"].to_numpy(dtype=bool)
            bits[model] = {"label": split["label"].to_numpy(), "long_tailed": long_tailed}
        bits[model][row["attack"]] = from_hex(row["correct"], len(split))
    return bits


def to_hex(bits: Array) -> str:
    """[N] bits as hexadecimal digits, eight to a byte, the first in the highest bit."""
    return np.packbits(bits).tobytes().hex()


def from_hex(text: str, count: int) -> Array:
    """[N] bool, of as many bits as ``count`` says."""
    packed = np.frombuffer(bytes.fromhex(text), dtype=np.uint8)
    return np.unpackbits(packed, count=count).astype(bool)

"""Bits of predictions: written, read again, and the numbers of metrics.csv made from them."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from taet.scores.bits import correct_rows, image_rows, read_bits
from taet.scores.predictions import Predictions
from taet.scores.summary import read_rows

CELL = {"dataset": "d", "imbalance_ratio": "10", "architecture": "net", "method": "m", "seed": 3}
INDEX = np.array([70, 30, 50, 10, 60, 20, 40, 0, 90])
LABEL = np.array([0, 0, 0, 0, 1, 1, 2, 2, 2])
PREDICTED = {
    "clean": np.array([0, 0, 0, 1, 1, 1, 2, 2, 0]),
    "pgd": np.array([0, 0, 1, 2, 1, 0, 2, 1, 2]),
    "worst": np.array([0, 0, 1, 2, 1, 0, 2, 1, 0]),
}
LONG_TAILED = np.array([1, 1, 1, 0, 1, 0, 0, 1, 0], dtype=bool)


def model(**changes: Any) -> Predictions:
    whole: dict[str, Any] = {
        "cell": {**CELL, "checkpoint": "last"},
        "index": INDEX,
        "label": LABEL,
        "predicted": PREDICTED,
        "distance": {},
        "facts": {},
        "test_sets": {"balanced": np.ones(9, dtype=bool), "long_tailed": LONG_TAILED},
        "train_counts": [9, 5, 2],
        "class_names": ["a", "b", "c"],
        "groups": {},
    }
    return Predictions(**whole | changes)


def written(tmp_path: Path, *models: Predictions) -> list[pd.DataFrame]:
    """The two tables, through files."""
    splits = {m.cell["seed"]: m for m in models}.values()
    tables = {
        "images.csv": [row for m in splits for row in image_rows(m)],
        "correct.csv": [row for m in models for row in correct_rows(m, {"worst": None})],
    }
    for name, rows in tables.items():
        pd.DataFrame(rows).to_csv(tmp_path / name, index=False)
    return [read_rows(tmp_path / name) for name in tables]


def test_bits_by_hand() -> None:
    """In ascending order of the index: 0, 10, 20, 30, 40, 50, 60, 70, 90; the first image is the highest bit."""
    rows = list(correct_rows(model(), {"worst": None}))
    assert [row["attack"] for row in rows] == ["clean", "pgd"]
    # clean: index 10 (predicted 1 of 0) and 90 are wrong.
    assert rows[0]["correct"] == f"{0b10111111:02x}{0b00000000:02x}"
    # pgd: right are 30, 40, 60, 70 and 90.
    assert rows[1]["correct"] == f"{0b00011011:02x}{0b10000000:02x}"
    images = list(image_rows(model()))
    assert [row["index"] for row in images] == sorted(INDEX)
    assert [row["label"] for row in images] == [2, 0, 1, 0, 2, 0, 1, 0, 2]
    assert [row["long_tailed"] for row in images] == [1, 0, 0, 1, 0, 1, 1, 1, 0]


def test_read_again(tmp_path: Path) -> None:
    """Hexadecimal digits that look like a number too; each seed with its own images."""
    other = model(cell={**CELL, "seed": 4, "checkpoint": "last"}, index=INDEX[::-1].copy())
    bits = read_bits(*written(tmp_path, model(), other))
    assert list(bits) == [("d", "10", "net", "m", seed, "last") for seed in (3, 4)]
    for (*_, seed, _checkpoint), of_model in bits.items():
        order = np.argsort(INDEX if seed == 3 else INDEX[::-1])
        assert list(of_model) == ["label", "long_tailed", "clean", "pgd"]
        assert of_model["label"].tolist() == LABEL[order].tolist()
        assert of_model["long_tailed"].tolist() == LONG_TAILED[order].tolist()
        for attack in ("clean", "pgd"):
            assert of_model[attack].tolist() == (PREDICTED[attack] == LABEL)[order].tolist()
    both = bits["d", "10", "net", "m", 3, "last"]
    assert (both["clean"] & both["pgd"]).sum() == (PREDICTED["worst"] == LABEL).sum()

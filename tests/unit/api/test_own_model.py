"""The numbers of a user's own model from hand-made verdicts, and the images that they are of."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from taet.adversary.evaluation import Evaluation, Verdict
from taet.api import images
from taet.api.images import read_test_set
from taet.api.verdict_frame import WORST, verdict_frame
from taet.api.verdict_table import table
from taet.data.imageset import TEST, TRAIN
from taet.study.store import artifacts

EPS = 0.1
LABELS = torch.tensor([0, 0, 0, 1, 1])
PREDICTED = {
    "one": [0, 1, 0, 1, 1],
    "two": [0, 0, 1, 1, 1],
    "three": [0, 0, 0, 0, 1],
    "l2": [1, 1, 1, 1, 1],
}


def verdict(name: str) -> Verdict:
    norm, eps = ("l2", None) if name == "l2" else ("linf", EPS)
    broken_by = torch.full((5,), -1)
    distance = torch.arange(5).float()
    return Verdict(
        torch.tensor(PREDICTED[name]), distance, broken_by, norm, eps, (), (f"odd {name}",)
    )


def frame(confidence: float = 0.95) -> Any:
    evaluation = Evaluation(LABELS.clone(), {name: verdict(name) for name in PREDICTED}, ("odd",))
    test = images.TestSet(torch.zeros(5, 1, 2, 2), LABELS, torch.arange(5), ["a", "b"])
    groups = {"head": [0], "tail": [1]}
    labels = {name: name.upper() for name in PREDICTED}
    return verdict_frame(evaluation, test, labels, EPS, confidence, [9, 4], groups)


def test_worst_is_over_all_attacks_of_the_ball() -> None:
    every = frame().query("scope == 'all'").set_index("attack")
    assert list(every.index) == ["clean", *PREDICTED, WORST]
    assert every["accuracy"].to_dict() == pytest.approx(
        {"clean": 1.0, "one": 0.8, "two": 0.8, "three": 0.8, "l2": 0.4, WORST: 0.4}
    )
    assert every["balanced_accuracy"][WORST] == pytest.approx((1 / 3 + 1 / 2) / 2)
    assert every["eps"][WORST] == EPS
    assert every["train_images"][WORST] == 13
    assert every["median_distance"]["l2"] == pytest.approx(2.0)


@pytest.mark.parametrize(("confidence", "z"), [(0.95, 1.959964), (0.9, 1.644854)])
def test_intervals_are_wilsons(confidence: float, z: float) -> None:
    (row,) = frame(confidence).query("scope == 'all' and attack == 'one'").to_dict("records")
    n, p = 5, 0.8
    centre, reach = p + z**2 / (2 * n), z * (p * (1 - p) / n + z**2 / (4 * n**2)) ** 0.5
    whole = 1 + z**2 / n
    assert row["accuracy_low"] == pytest.approx((centre - reach) / whole, abs=1e-6)
    assert row["accuracy_high"] == pytest.approx((centre + reach) / whole, abs=1e-6)


def test_shown_table_names_the_worst_class() -> None:
    lines = {line.split()[0]: line for line in table(frame(), 0.95).splitlines()}
    assert lines["THREE"].split()[-5:] == ["b", "50.00", "L-inf", "<=", "0.1"]
    assert "80.00 [" in lines["THREE"]


@pytest.mark.parametrize("official", [True, False])
def test_images_are_those_of_the_test_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, official: bool
) -> None:
    """The data set's own; of one without, those held out of a seed, others for another seed."""
    count = 40
    labels = np.arange(count) % 2
    codes = np.where(np.arange(count) < 20, TRAIN, TEST) if official else np.full(count, 255)
    arrays = {
        "images": np.arange(count, dtype=np.uint8).repeat(4).reshape(count, 2, 2, 1) % 17,
        "labels": labels,
        "official": codes.astype(np.uint8),
    }
    output = Path("data/raw/d/images.safetensors")
    artifacts.write_arrays(tmp_path / output, arrays, "k", class_names=["a", "b"], max_value=16)
    longtail = SimpleNamespace(test_per_class=None if official else 6)
    job = SimpleNamespace(output=output, key="k")
    params = SimpleNamespace(datasets={"d": SimpleNamespace(longtail=longtail)})
    study: Any = SimpleNamespace(job=lambda stage, dataset: job, params=params)
    monkeypatch.setattr(images, "Study", lambda params, folder: study)

    def read(seed: int, limit: int | None) -> images.TestSet:
        return read_test_set(study, "d", seed, limit, [tmp_path])

    test_set = read(0, None)
    index = test_set.index.tolist()
    assert index == sorted(index)
    assert len(index) == (20 if official else 12)
    assert test_set.y.tolist() == [i % 2 for i in index]
    assert test_set.x[:, 0, 0, 0].tolist() == pytest.approx([i % 17 / 16 for i in index])
    if official:
        assert index == list(range(20, 40))
    else:
        assert read(1, None).index.tolist() != index
    few = read(0, 9)
    assert np.bincount(few.y).tolist() == [4, 4]
    assert set(few.index.tolist()) <= set(index)

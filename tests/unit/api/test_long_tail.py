"""The long tail from Python: the images of the stage ``subsample``, and the scores of the tables."""

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import taet
from taet.data.imageset import NO_SPLIT, TEST, TRAIN
from taet.data.longtail import class_counts
from taet.study.params.load import load_common
from tests.conftest import ROOT
from tests.unit.api.test_functions import small_net
from tests.unit.stages.test_subsample import LABELS, lists

OPTIONS: dict[str, Any] = {
    "class_order": "reversed",
    "validation_share": 0.25,
    "test_per_class": 8,
}  # those of ``lists``
PARTS = ("train", "validation", "test", "test_long_tailed")


@pytest.mark.parametrize("seed", [0, 3])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"profile": "step", "head_images": 20, "validation_per_class": 5},
        {"selection": "ldam_drw", "class_order": "random"},
    ],
)
def test_images_are_those_of_the_stage(tmp_path: Path, seed: int, changes: Any) -> None:
    """Of a data set without a test set of its own, by all options."""
    split, facts = lists(tmp_path, np.full(120, NO_SPLIT), seed, **changes)
    own = taet.longtail_split(LABELS, 4, seed, dataset="d", **OPTIONS | changes)
    for part in PARTS:
        np.testing.assert_array_equal(getattr(own, part), split[part], part)
        assert getattr(own, part).dtype == np.int64
    assert own.train_counts == facts["class_counts"]
    other = taet.longtail_split(LABELS, 4, seed, dataset="e", **OPTIONS | changes)
    assert other.test.tolist() != own.test.tolist()


@pytest.mark.parametrize("ratio", ["4", "natural"])
def test_training_images_are_enough(tmp_path: Path, ratio: str) -> None:
    """Of a data set with a test set of its own, its training labels alone give the stage's images."""
    order = np.random.default_rng(0).permutation(120)
    official = np.where(order < 40, TEST, TRAIN)
    split, facts = lists(tmp_path, official, 1, ratio, test_per_class=None)
    training = np.flatnonzero(official == TRAIN)
    options = OPTIONS | {"test_per_class": None}
    own = taet.longtail_split(torch.tensor(LABELS[training]), ratio, 1, dataset="d", **options)
    np.testing.assert_array_equal(training[own.train], split["train"])
    np.testing.assert_array_equal(training[own.validation], split["validation"])
    assert own.train_counts == facts["class_counts"]
    assert len(own.test) == len(own.test_long_tailed) == 0


def test_lists_are_nested() -> None:
    labels = np.repeat(np.arange(10), 100).tolist()
    sets = [set(taet.longtail_split(labels, ratio, 2).train.tolist()) for ratio in (1, 10.0, "100")]
    assert [len(s) for s in sets] == [
        1000,
        sum(COUNTS),
        sum(class_counts(100, 100, 10, "exponential")),
    ]
    assert sets[2] < sets[1] < sets[0]
    assert set(taet.longtail_split(labels, 10, 3).train.tolist()) != sets[1]


def test_defaults_are_those_of_the_parameters() -> None:
    common = load_common(ROOT / "params.yaml")
    split = inspect.signature(taet.longtail_split).parameters
    for name, value in common.longtail.model_dump().items():
        assert split[name].default == value, name
    of_scores = inspect.signature(taet.balanced_scores).parameters
    assert of_scores["head"].default == common.report.groups.head
    assert of_scores["tail"].default == common.report.groups.tail
    assert of_scores["confidence"].default == common.report.confidence


COUNTS = [100, 77, 59, 46, 35, 27, 21, 16, 12, 10]


def test_scores_are_those_of_the_evaluation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Predictions of ``taet.attack`` give the rows of ``taet.evaluate``."""
    monkeypatch.chdir(tmp_path)
    x = torch.rand(40, 1, 8, 8, generator=torch.Generator().manual_seed(2))
    y = small_net().eval()(x).argmax(1)
    y[:8] = torch.arange(8)
    table = taet.evaluate(small_net(), (x, y), ["pgd20"], eps=0.05, train_counts=COUNTS)
    own = taet.attack(small_net(), x, y, "pgd20", eps=0.05)
    for name, predictions in (("clean", own.clean_predictions), ("pgd20", own.predictions)):
        rows = table[table["attack"] == name].reset_index(drop=True)
        scores = taet.balanced_scores(y, predictions.numpy(), COUNTS)
        assert set(scores["scope"]) == {"all", "head", "medium", "tail", "worst_class", "class"}
        assert rows[list(scores)].equals(scores)


def test_scores_by_hand() -> None:
    """Recalls 1, 1/2, 0 of classes with 4, 2 and 2 images; the class of most training images is the last."""
    labels, predictions = [0, 0, 0, 0, 1, 1, 2, 2], [0, 0, 0, 0, 1, 0, 0, 1]
    table = taet.balanced_scores(labels, predictions, {0: 5, 1: 3, 2: 9}, head=1 / 3, tail=1 / 3)
    rows = table.set_index("scope")
    assert rows["accuracy"]["all"] == 5 / 8
    assert rows["balanced_accuracy"]["all"] == 0.5
    assert rows["accuracy"][["head", "medium", "tail", "worst_class"]].tolist() == [0, 1, 0.5, 0]
    assert rows["train_images"][["all", "head", "medium", "tail"]].tolist() == [17, 9, 5, 3]
    assert table.query("scope == 'class'")["accuracy"].tolist() == [1, 0.5, 0]
    plain = taet.balanced_scores(labels, predictions)
    assert list(plain["scope"]) == ["all", "worst_class", "class", "class", "class"]
    assert plain["train_images"].isna().all()
    uneven = taet.balanced_scores(labels, predictions, [5, 3, 9, 1, 2], head=0.2, tail=0.4)
    assert uneven.set_index("scope")["train_images"][["head", "medium", "tail"]].tolist() == [
        9,
        8,
        3,
    ]
    wider = taet.balanced_scores(labels, predictions, [5, 3, 9, 1])
    assert wider["accuracy"].isna().sum() == 2, "the fourth class and the tail have no test image"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"labels": []}, "^predictions: 3 predictions for 0 labels"),
        ({"predictions": [0, 1]}, "^predictions: 2 predictions for 3 labels; must be as many"),
        ({"predictions": np.eye(3)}, r"^predictions: of the shape \(3, 3\); must be \[N\]"),
        ({"labels": [0.5, 1, 2]}, "^labels: of the type float64; must be whole numbers"),
        ({"labels": [0, -1, 2]}, "^labels: -1 among them"),
        ({"labels": ["cat", "dog", "cat"]}, "^labels: a list that is no array of numbers"),
        ({"train_counts": [1, 2]}, "^train_counts: 2 numbers; must be one for each of 3 classes"),
        ({"train_counts": 3}, "^train_counts: a value of the type int"),
        ({"head": 2}, "^head: .* less than or equal to 1, got 2"),
        ({"confidence": 95}, "^confidence: must be above 0 and below 1, got 95"),
        ({"confidence": "x"}, "^confidence: must be above 0 and below 1, got 'x'"),
        ({"confidence": None}, "^confidence: must be above 0 and below 1, got None"),
        ({"head": 0.8, "tail": 0.7}, "^head: 0.8, and tail 0.7: together more than all classes"),
        ({"labels": [0, 1, 10**9]}, "^labels: 1000000000 among them; must be below 100,000$"),
        ({"predictions": [0, 1, 10**9]}, "^predictions: 1000000000 among them; must be below"),
        ({"train_counts": range(10**9)}, "^train_counts: 1,000,000,000 numbers; must be at most"),
    ],
)
def test_refused_scores(arguments: dict[str, Any], message: str) -> None:
    whole: dict[str, Any] = {
        "labels": [0, 1, 2],
        "predictions": [0, 0, 2],
        "train_counts": [3, 2, 1],
    }
    with pytest.raises(taet.UserError, match=message) as caught:
        taet.balanced_scores(**whole | arguments)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"labels": [0, 2]}, "^labels: no image of class 1; must be classes 0 to 2"),
        ({"labels": [0, 10**9]}, "^labels: 1000000000 among them; must be below 100,000$"),
        ({"labels": []}, "^labels: none; must be at least one for each class"),
        ({"ratio": 0.5}, "^ratio: must be a number from 1 .*, got 0.5"),
        ({"seed": 1.5}, "^seed 1.5: must be a whole number"),
        ({"profile": "line"}, "^profile: input should be 'exponential' or 'step', got 'line'"),
        ({"head_images": 50}, "^head_images: class 0 has 40 training images, but needs 50"),
        ({"ratio": 41}, "^imbalance ratio 41 leaves no training image for the tail class"),
        ({"test_per_class": 40}, "^test_per_class: 40 leaves no training image"),
        ({"validation_share": 1}, "^validation_share: .* less than 1, got 1"),
        ({"validation_per_class": 1}, "^validation_per_class: 40 of the 40 .*; lower it, or head_images"),
    ],
)  # fmt: skip
def test_refused_splits(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(taet.UserError, match=message) as caught:
        taet.longtail_split(**{"labels": LABELS, "ratio": 4} | arguments)
    assert "\n" not in str(caught.value)

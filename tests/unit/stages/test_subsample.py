"""The lists of ``subsample`` from a data set of which every image is known."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from taet.data.imageset import NO_SPLIT, TEST, TRAIN, VALIDATION
from taet.data.longtail import ldam_drw_order
from taet.errors import UserError
from taet.stages import subsample
from taet.study.store import artifacts

SIZES = [40, 40, 40]
LABELS = np.repeat([0, 1, 2], SIZES)


def lists(folder: Path, official: Any, seed: int = 0, ir: str = "4", **changes: Any) -> Any:
    images = SimpleNamespace(output=folder / "images.safetensors", key="i")
    arrays = {"labels": LABELS, "official": np.asarray(official, dtype=np.uint8)}
    artifacts.write_arrays(images.output, arrays, "i", class_names=["a", "b", "c"])
    longtail = {
        "test_per_class": 8,
        "selection": "seeded",
        "class_order": "reversed",
        "head_images": None,
        "profile": "exponential",
        "validation_share": 0.25,
        "validation_per_class": None,
    }
    job: Any = SimpleNamespace(
        inputs={"images": images},
        reads={"longtail": SimpleNamespace(**longtail | changes)},
        cell={"dataset": "d", "imbalance_ratio": ir, "seed": seed},
        output=folder / f"split{seed}.safetensors",
        key="k",
    )
    subsample.run(job)
    return artifacts.read_arrays(job.output, "k")


def counts(index: Any) -> list[int]:
    return np.bincount(LABELS[index], minlength=3).tolist()


def test_counts_and_parts(tmp_path: Path) -> None:
    """Of 40 images 8 are held out; 32, 16 and 8 are the long tail, a quarter of each for validation."""
    split, facts = lists(tmp_path, np.full(120, NO_SPLIT))
    assert counts(split["train"]) == [6, 12, 24]
    assert counts(split["validation"]) == [2, 4, 8]
    assert counts(split["test"]) == [8, 8, 8]
    assert counts(split["test_long_tailed"]) == [2, 4, 8]
    assert facts["class_counts"] == [6, 12, 24]
    assert facts["validation_counts"] == [2, 4, 8]
    assert facts["test_counts"] == {"balanced": [8, 8, 8], "long_tailed": [2, 4, 8]}
    parts = [set(split[name].tolist()) for name in ("train", "validation", "test")]
    assert sum(map(len, parts)) == len(set.union(*parts))
    assert set(split["test_long_tailed"].tolist()) < parts[2]


def test_seeds_draw_other_images(tmp_path: Path) -> None:
    (one, _), (other, _) = (lists(tmp_path, np.full(120, NO_SPLIT), seed) for seed in (0, 1))
    for name in ("train", "test"):
        assert set(one[name].tolist()) != set(other[name].tolist()), name
        assert counts(one[name]) == counts(other[name])


@pytest.mark.parametrize("selection", ["seeded", "ldam_drw"])
def test_selection(tmp_path: Path, selection: str) -> None:
    official = np.tile([TRAIN] * 6 + [VALIDATION] * 2 + [TEST] * 2, 12)
    split, _ = lists(
        tmp_path,
        official,
        class_order="label",
        validation_share=0.0,
        selection=selection,
        test_per_class=None,
    )
    pool = [np.flatnonzero((official == TRAIN) & (c == LABELS)) for c in range(3)]
    theirs = np.concatenate([c[:n] for c, n in zip(ldam_drw_order(pool), [24, 12, 6], strict=True)])
    assert counts(split["train"]) == [24, 12, 6]
    assert (split["train"].tolist() == theirs.tolist()) == (selection == "ldam_drw")
    assert set(official[split["train"]]) == {TRAIN}
    assert set(split["test"].tolist()) == set(np.flatnonzero(official == TEST))
    assert split["validation"].tolist() == np.flatnonzero(official == VALIDATION).tolist()


def test_validation_images_that_the_long_tail_leaves_over(tmp_path: Path) -> None:
    """As many of each class, the same for all ratios; what is trained on does not change."""
    official = np.tile([TRAIN] * 9 + [TEST], 12)
    options: Any = {"head_images": 20, "validation_share": 0.0, "test_per_class": None}
    without, _ = lists(tmp_path, official, **options)
    split, facts = lists(tmp_path, official, **options, validation_per_class=16)
    assert counts(split["validation"]) == facts["validation_counts"] == [16, 16, 16]
    assert split["train"].tolist() == without["train"].tolist()
    assert set(official[split["validation"]]) == {TRAIN}
    assert not set(split["validation"]) & set(split["train"])
    other, _ = lists(tmp_path, official, ir="2", **options, validation_per_class=16)
    assert other["validation"].tolist() == split["validation"].tolist()
    assert counts(other["train"]) != counts(split["train"])
    message = "validation_per_class: 20 of the 36 training images of class 2 .* at most 16 are left"
    with pytest.raises(UserError, match=message):
        lists(tmp_path, official, **options, validation_per_class=17)

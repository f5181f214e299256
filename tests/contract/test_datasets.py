"""What every file in datasets/ must keep, new ones included."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from taet.data.fetch import MIRROR
from taet.data.image_files import own_folder
from taet.data.imageset import NO_SPLIT, TEST, TRAIN, VALIDATION, ImageSet, check_image_set
from taet.datasets import digits as digits_module
from taet.datasets import medmnist
from taet.errors import UserError
from taet.study.params import blocks, plugins
from taet.study.params.load import load_params
from tests.conftest import ROOT
from tests.contract.official import mirror_files

DATASETS = plugins.names("datasets")


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with small files in the official formats, named as the mirror."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    for name, data in mirror_files(monkeypatch).items():
        (folder / name).write_bytes(data)
    monkeypatch.setenv(MIRROR, str(folder))


@pytest.mark.usefixtures("mirror")
@pytest.mark.parametrize("name", DATASETS)
def test_images(name: str, digits: blocks.Params, tmp_path: Path) -> None:
    block, options = next((n, b) for n, b in digits.datasets.items() if b.kind == name)
    module, folder = plugins.load("datasets", name), tmp_path
    if hasattr(module, "sources"):  # files of one's own, which only their owner has
        folder = ROOT / "data/raw" / block
        if not own_folder(folder).exists():
            pytest.skip(f"{own_folder(folder)} is not here")
    image_set = module.obtain(folder, options, None)
    check_image_set(image_set)
    again = module.obtain(folder, options, "/there/is/none")
    assert np.array_equal(image_set.images, again.images), (
        "what is there and intact is used as it is"
    )


def test_digits_are_the_known_ones(digits: blocks.Params, tmp_path: Path) -> None:
    image_set = digits_module.obtain(tmp_path, digits.datasets["digits"], None)
    assert image_set.images.shape == (1797, 8, 8, 1)
    assert np.bincount(image_set.labels).tolist() == [
        178,
        182,
        177,
        183,
        181,
        182,
        181,
        179,
        174,
        180,
    ]
    assert image_set.labels[:10].tolist() == list(range(10))


def test_digits_that_were_tampered_with(
    digits: blocks.Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digits_module, "SHA256", "0" * 64)
    with pytest.raises(UserError, match="reinstall scikit-learn"):
        digits_module.obtain(tmp_path, digits.datasets["digits"], None)


@pytest.mark.usefixtures("mirror")
@pytest.mark.parametrize("size", [28, 64])
@pytest.mark.parametrize(
    ("flag", "channels", "classes"), [("dermamnist", 3, 7), ("organamnist", 1, 11)]
)
def test_medmnist(flag: str, channels: int, classes: int, size: int, tmp_path: Path) -> None:
    image_set = medmnist.obtain(tmp_path, _medmnist(flag, size), None)
    assert image_set.images.shape == (6 * classes, size, size, channels)
    from medmnist import INFO

    names = INFO[flag]["label"]
    assert image_set.class_names == [names[str(c)] for c in range(classes)]
    assert np.bincount(image_set.official).tolist() == [2 * classes] * 3
    assert image_set.official[[0, -1]].tolist() == [TRAIN, TEST]


def test_medmnist_knows_all_flat_sets() -> None:
    from medmnist import INFO

    named = medmnist.Options.model_fields["flag"].annotation.__args__
    assert sorted(named) == sorted(flag for flag in INFO if not flag.endswith("3d"))


def test_medmnist_with_several_labels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="chestmnist has several labels an image"):
        medmnist.obtain(tmp_path, _medmnist("chestmnist", 28), None)


def test_medmnist_is_never_unpickled(tmp_path: Path) -> None:
    class Hostile:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "executed",))

    arrays = {
        f"{s}_{what}": np.array([Hostile()])
        for s in medmnist.SPLITS
        for what in ("images", "labels")
    }
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(UserError, match=r"x\.npz: not a MedMNIST archive .*pickle"):
        medmnist.read_archive(tmp_path / "x.npz", ["a"])
    (tmp_path / "y.npz").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(UserError, match=r"y\.npz: not a MedMNIST archive"):
        medmnist.read_archive(tmp_path / "y.npz", ["a"])
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train_images": np.zeros((4, 28, 29), np.uint8)}, "dimension"),
        ({"val_images": np.zeros((4, 28, 28, 3), np.uint8)}, "dimension"),
        ({"test_images": np.zeros((), np.uint8)}, "unsized|len"),
        ({"train_labels": np.zeros((4, 2), np.uint8)}, r"shape \(4, 2\), for 4 images"),
        ({"train_labels": np.zeros((3, 1), np.uint8)}, r"shape \(3, 1\), for 4 images"),
        ({"train_labels": np.zeros((4, 1))}, "labels are float64"),
        ({"train_labels": None}, "train_labels"),
    ],
)
def test_medmnist_archives_of_odd_shape(
    change: dict[str, Any], message: str, tmp_path: Path
) -> None:
    arrays = {f"{s}_images": np.zeros((4, 28, 28), np.uint8) for s in medmnist.SPLITS}
    arrays |= {f"{s}_labels": np.zeros((4, 1), np.uint8) for s in medmnist.SPLITS}
    np.savez(tmp_path / "good.npz", **arrays)
    assert medmnist.read_archive(tmp_path / "good.npz", ["a"]).images.shape == (12, 28, 28, 1)
    np.savez(tmp_path / "x.npz", **{k: v for k, v in (arrays | change).items() if v is not None})
    with pytest.raises(UserError, match=rf"x\.npz: not a MedMNIST archive \(.*({message})"):
        medmnist.read_archive(tmp_path / "x.npz", ["a"])


def _medmnist(flag: str, size: int) -> medmnist.Options:
    longtail = load_params(ROOT / "params.yaml").longtail
    return medmnist.Options(kind="medmnist", label=flag, longtail=longtail, flag=flag, size=size)


GOOD = ImageSet(
    images=np.arange(4 * 64, dtype=np.uint8).reshape(4, 8, 8, 1) % 17,
    labels=np.array([0, 1, 0, 1]),
    official=np.full(4, NO_SPLIT, np.uint8),
    class_names=["a", "b"],
    max_value=16,
)


GREY = np.arange(4 * 64, dtype=np.uint8).reshape(4, 8, 8, 1)
SPLIT = np.array([TRAIN, TRAIN, TEST, TEST], np.uint8)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": np.ones((4, 8, 8), np.uint8)}, "shape"),
        ({"images": np.ones((4, 8, 8, 2), np.uint8)}, "1 or 3"),
        ({"images": np.ones((4, 8, 7, 1), np.uint8)}, "square"),
        ({"images": np.ones((0, 8, 8, 1), np.uint8)}, "shape"),
        ({"images": np.ones((4, 8, 8, 1), np.float32)}, "uint8"),
        ({"images": np.full((4, 8, 8, 1), 17, np.uint8)}, "up to 17"),
        ({"images": np.zeros((4, 8, 8, 1), np.uint8)}, "up to 0"),
        ({"labels": np.array([0, 1, 0])}, "one for each of the 4 images"),
        ({"labels": np.array([0, 1, 0, 2])}, "labels go from 0 to 2; must be from 0 to 1"),
        ({"labels": np.array([0, -1, 0, 1])}, "labels go from -1"),
        ({"labels": np.array([0, 0, 0, 0])}, r"class 1 \(b\) has no image"),
        ({"official": np.full(4, 7, np.uint8)}, "splits"),
        ({"official": np.array([TRAIN, TRAIN, TEST, NO_SPLIT], np.uint8)}, r"splits are \[0, 2, 255\]"),
        ({"official": np.full(4, TRAIN, np.uint8)}, "and TEST"),
        ({"official": np.array([TRAIN, TRAIN, VALIDATION, VALIDATION], np.uint8)}, "and TEST"),
        ({"labels": np.array([0, 0, 0, 1])}, r"class 1 \(b\) has 1 image; a class needs 2, .*hold out"),
        ({"official": SPLIT, "labels": np.array([0, 0, 0, 1])}, r"class 1 \(b\) has no training image"),
        ({"official": SPLIT, "labels": np.array([0, 1, 0, 0])}, r"class 1 \(b\) has no test image; .*leave"),
        ({"images": GREY % 2, "max_value": 255}, "up to 1 while max_value is 255.* set max_value to 1,"),
        ({"images": GREY % 64, "max_value": 255}, "set max_value to 63,"),
        ({"images": np.full((4, 8, 8, 1), 5, np.uint8)}, "all 4 images are the same"),
        ({"class_names": ["a", 1]}, "class names: that of class 1 is 1; must be text"),
        ({"class_names": "ab"}, "must be a list"),
        ({"class_names": ["a"], "labels": np.zeros(4, int)}, "at least 2"),
        ({"class_names": ["crane", "crane"]}, "of classes 0 and 1 are 'crane'; must be distinct"),
        ({"class_names": ["\u00e9", "e\u0301"]}, "must be distinct"),
        ({"class_names": ["a b", "a  b"]}, "must be distinct"),
        ({"class_names": ["a", ""]}, "class 1 is ''; must be one line of 1 to 100"),
        ({"class_names": ["a", " b"]}, "class 1 is ' b'.*without a space"),
        ({"class_names": ["a", "b\nc"]}, r"'b\\nc'; must be one line"),
        ({"class_names": ["a", "b\u200b"]}, "printable"),
        ({"class_names": ["a", "b" * 101]}, "1 to 100"),
        ({"max_value": 16.0}, "max_value is 16.0"),
        ({"official": np.full(3, VALIDATION, np.uint8)}, "one for each"),
    ],
)  # fmt: skip
def test_broken_image_sets(change: dict[str, Any], message: str) -> None:
    check_image_set(GOOD)
    with pytest.raises(UserError, match=message):
        check_image_set(dataclasses.replace(GOOD, **change))


@pytest.mark.parametrize(
    "change",
    [
        {"class_names": ["None", "NA"]},
        {"class_names": ["A$$", "_y"]},
        {"class_names": ["\u732b", "Cat, domestic"]},
        {"images": GREY % 65, "max_value": 255},  # dark, but no other unit
        {"official": SPLIT},
    ],
)
def test_odd_image_sets_that_are_right(change: dict[str, Any]) -> None:
    check_image_set(dataclasses.replace(GOOD, **change))

"""HAM10000 from files in its own layout: pixels, splits by lesion, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from taet.data.imageset import TEST, TRAIN, VALIDATION, check_image_set
from taet.datasets import ham10000
from taet.errors import UserError
from taet.study.params.load import load_params
from tests.conftest import ROOT

OPTIONS = load_params(ROOT / "params.yaml").datasets["derma28"]
LESIONS = 300


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """Two images of each lesion, 40x30 pixels, in the two folders of the official archives."""
    own, rng = tmp_path / "own/skin", np.random.default_rng(0)
    lines = ["lesion_id,image_id,dx,dx_type"]
    for i in range(2 * LESIONS):
        folder = own / f"HAM10000_images_part_{1 + i % 2}"
        folder.mkdir(parents=True, exist_ok=True)
        dx = list(ham10000.CLASSES)[i // 2 % 7]
        Image.fromarray(rng.integers(0, 256, (30, 40, 3), dtype=np.uint8)).save(
            folder / f"ISIC_{i:07}.jpg"
        )
        lines.append(f"HAM_{i // 2:07},ISIC_{i:07},{dx},histo")
    (own / ham10000.METADATA).write_text("\n".join(lines))
    return tmp_path / "raw/skin"


def test_a_lesion_is_in_one_split(raw: Path) -> None:
    image_set = ham10000.obtain(raw, OPTIONS, None)
    check_image_set(image_set)
    assert image_set.images.shape == (2 * LESIONS, 28, 28, 3)
    splits = {s: np.flatnonzero(image_set.official == s) for s in (TRAIN, VALIDATION, TEST)}
    assert all(len(rows) % 2 == 0 for rows in splits.values()), "both images of each lesion"
    shares = np.array([len(splits[s]) for s in (TRAIN, VALIDATION, TEST)]) / (2 * LESIONS)
    expected = np.array([0.7, 0.1, 0.2])
    assert (np.abs(shares - expected) < 4 * (expected * (1 - expected) / LESIONS) ** 0.5).all()
    assert np.bincount(image_set.labels).tolist() == [2 * n for n in [43] * 6 + [42]]


def test_pixels_are_those_of_the_central_square(raw: Path) -> None:
    files = ham10000.sources(raw, OPTIONS)
    assert files[0].name == ham10000.METADATA
    first = min(
        (ham10000.split_of(f"HAM_{int(file.stem[5:]) // 2:07}", OPTIONS), file.stem, file)
        for file in files[1:]
    )[2]
    with Image.open(first) as image:
        square = image.crop((5, 0, 35, 30)).resize((28, 28), Image.Resampling.BICUBIC)
    image_set = ham10000.obtain(raw, OPTIONS, None)
    assert np.array_equal(image_set.images[0], np.asarray(square))


def test_the_split_is_by_the_name_alone() -> None:
    """Fixed values: another rule would test what earlier results trained on."""
    splits = [ham10000.split_of(f"HAM_{i:07}", OPTIONS) for i in range(12)]
    assert [i for i, split in enumerate(splits) if split == TEST] == [4, 10]
    assert VALIDATION not in splits


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "HAM_0000001,ISIC_0000002,bcc",
            "HAM_0000001,ISIC_0000002,bbc",
            ":4: dx is 'bbc'; must be",
        ),
        ("HAM_0000001,ISIC_0000002", ",ISIC_0000002", ":4: no value of lesion_id"),
        ("ISIC_0000002", "ISIC_9", ":4: no image ISIC_9.jpg or .png below"),
        ("image_id", "image", ":2: no value of image_id"),
        ("ISIC_0000002", "ISIC_0000001", ":4: ISIC_0000001 is in line 3 too; remove one"),
    ],
)
def test_wrong_metadata(raw: Path, old: str, new: str, message: str) -> None:
    path = raw.parents[1] / "own/skin" / ham10000.METADATA
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(UserError, match=message):
        ham10000.obtain(raw, OPTIONS, None)


def test_two_files_of_one_image(raw: Path) -> None:
    own = raw.parents[1] / "own/skin"
    (own / "thumbs").mkdir()
    (own / "thumbs/ISIC_0000002.png").write_bytes(b"")
    message = r"thumbs/ISIC_0000002.png: .*part_1/ISIC_0000002.jpg is of the same image; remove one"
    with pytest.raises(UserError, match=message):
        ham10000.sources(raw, OPTIONS)


def test_files_that_are_missing_or_damaged(raw: Path) -> None:
    own = raw.parents[1] / "own/skin"
    image = next(own.rglob("*.jpg"))
    image.write_bytes(image.read_bytes()[:300])
    with pytest.raises(UserError, match=rf"{image.name}: cannot be read as an image"):
        ham10000.obtain(raw, OPTIONS, None)
    (own / ham10000.METADATA).unlink()
    with pytest.raises(UserError, match="No such file or directory; it comes with HAM10000"):
        ham10000.sources(raw, OPTIONS)


def test_shares_leave_lesions_to_train_on() -> None:
    assert OPTIONS.problem() is None
    assert "leave no lesion" in OPTIONS.model_copy(update={"test_share": 0.9}).problem()

"""Tiny ImageNet from a small archive of the official layout: fetched, read, and what is refused."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from taet.data.fetch import MIRROR
from taet.data.imageset import TEST, TRAIN, check_image_set
from taet.datasets import tiny_imagenet
from taet.errors import UserError
from taet.study.params.load import load_params
from tests.conftest import ROOT
from tests.contract.official import (
    Server,
    serve,
    small_tiny_imagenet,
    tiny_imagenet_files,
    zip_of,
)

OPTIONS = load_params(ROOT / "params.yaml").datasets["tiny_imagenet"]
NAME = "tiny-imagenet-200.zip"
INSIDE = tiny_imagenet.ROOT


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.delenv(MIRROR, raising=False)
    with serve() as running:
        running.files[NAME] = small_tiny_imagenet(monkeypatch)
        monkeypatch.setattr(tiny_imagenet, "URL", f"{running.address}/{NAME}")
        yield running


def test_fetched_over_http(server: Server, tmp_path: Path) -> None:
    image_set = tiny_imagenet.obtain(tmp_path, OPTIONS, None)
    check_image_set(image_set)
    assert image_set.images.shape == (18, 64, 64, 3)
    assert image_set.official.tolist() == [TRAIN] * 12 + [TEST] * 6
    assert image_set.labels.tolist() == [*np.repeat([0, 1, 2], 4), *np.repeat([0, 1, 2], 2)]
    assert image_set.class_names == ["animal 2", "animal 1", "animal 0"], "by WordNet number"
    again = tiny_imagenet.obtain(tmp_path, OPTIONS, "/there/is/none")
    assert np.array_equal(again.images, image_set.images)
    assert len(server.requests) == 1
    assert [file.name for file in tmp_path.iterdir()] == [NAME], "nothing is unpacked"


def test_a_transfer_that_broke_off_goes_on(server: Server, tmp_path: Path) -> None:
    server.break_after = 5000
    with pytest.raises(UserError, match=rf"{NAME}: cannot be fetched .* bytes are missing"):
        tiny_imagenet.obtain(tmp_path, OPTIONS, None)
    server.break_after = None
    tiny_imagenet.obtain(tmp_path, OPTIONS, None)
    assert server.requests == [None, "bytes=5000-"]


def test_another_archive_is_refused(server: Server, tmp_path: Path) -> None:
    server.files[NAME] += b"x"
    with pytest.raises(UserError, match="is not the official file"):
        tiny_imagenet.obtain(tmp_path, OPTIONS, None)
    assert list(tmp_path.iterdir()) == []


def test_an_archive_that_is_too_long_is_not_read_to_its_end(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiny_imagenet, "BYTES", 1000)
    with pytest.raises(UserError, match="larger than 1000 bytes"):
        tiny_imagenet.obtain(tmp_path, OPTIONS, None)


def archive_of(tmp_path: Path, **changes: bytes | None) -> Path:
    """The small archive, some of its files changed or left out."""
    files = tiny_imagenet_files() | {INSIDE + name: data for name, data in changes.items()}
    path = tmp_path / "inner" / NAME
    path.parent.mkdir()
    path.write_bytes(zip_of({name: data for name, data in files.items() if data is not None}))
    return path


def jpeg(mode: str, size: tuple[int, int]) -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, size, 99 if mode == "L" else None).save(buffer, "JPEG")
    return buffer.getvalue()


def test_pixels_are_those_of_the_pictures(tmp_path: Path) -> None:
    files, image_set = tiny_imagenet_files(), tiny_imagenet.read_archive(archive_of(tmp_path))
    with Image.open(io.BytesIO(files[f"{INSIDE}train/n00000008/images/n00000008_1.JPEG"])) as file:
        assert np.array_equal(image_set.images[5], np.asarray(file))
    with Image.open(io.BytesIO(files[f"{INSIDE}train/n00000008/images/n00000008_0.JPEG"])) as file:
        assert file.mode == "L"
        assert np.array_equal(image_set.images[4], np.asarray(file)[..., None].repeat(3, 2))
    # Class n00000007 is the last in wnids.txt, and the first label.
    with Image.open(io.BytesIO(files[f"{INSIDE}val/images/val_2.JPEG"])) as file:
        assert np.array_equal(image_set.images[12], np.asarray(file))


PICTURE = "train/n00000007/images/n00000007_0.JPEG"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({PICTURE: b"\xff\xd8 cut off"}, f"{INSIDE}{PICTURE}: cannot be read as an image"),
        ({PICTURE: jpeg("RGB", (64, 63))}, f"{PICTURE}: 64x63 pixels of the kind RGB; must be 64x64"),
        ({PICTURE: jpeg("CMYK", (64, 64))}, "of the kind CMYK; must be 64x64 of RGB or L"),
        ({"train/n1/images/n1_0.JPEG": b""}, "n1_0.JPEG: wnids.txt has no class n1"),
        ({"val/val_annotations.txt": b"val_0.JPEG\tn1\t0"}, r"annotations.txt:1: wnids.txt has no class n1"),
        ({"val/val_annotations.txt": b"val_0.JPEG"}, "not enough values"),
        ({"val/val_annotations.txt": b"../../x.JPEG\tn00000007\t0"}, "no item named .*x.JPEG"),
        ({"val/val_annotations.txt": None}, "no item named .*val_annotations.txt"),
        ({"val/images/val_0.JPEG": None}, "no item named .*val_0.JPEG"),
        ({"words.txt": b"n00000007\ta\nn00000008\tb"}, "words.txt: no name of class n00000009"),
        ({"words.txt": b"\xff\xfe"}, "can't decode"),
    ],
)  # fmt: skip
def test_archives_that_are_refused(
    changes: dict[str, bytes | None], message: str, tmp_path: Path
) -> None:
    archive = archive_of(tmp_path, **changes)
    with pytest.raises(UserError, match=rf"{NAME}: .*{message}") as caught:
        tiny_imagenet.read_archive(archive)
    assert str(caught.value).isprintable()


def test_what_is_no_archive(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(UserError, match=rf"{NAME}: File is not a zip file; delete it"):
        tiny_imagenet.read_archive(tmp_path / NAME)


def test_paths_that_lead_outside_write_nothing(tmp_path: Path) -> None:
    archive = archive_of(tmp_path, **{"../../outside.JPEG": b"x", "../../../outside.txt": b"x"})
    assert len(tiny_imagenet.read_archive(archive).images) == 18
    assert [file.name for file in tmp_path.rglob("*")] == ["inner", NAME]


def test_classes_of_one_name_have_their_numbers(tmp_path: Path) -> None:
    words = b"n00000007\tcrane, bird\nn00000008\tcrane, machine\nn00000009\tcrow"
    image_set = tiny_imagenet.read_archive(archive_of(tmp_path, **{"words.txt": words}))
    assert image_set.class_names == ["crane (n00000007)", "crane (n00000008)", "crow"]

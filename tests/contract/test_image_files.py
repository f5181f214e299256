"""Images of one's own: read as they are, or refused by name."""

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from taet.data.image_files import in_folders, in_table, own_folder, read_images
from taet.data.imageset import NO_SPLIT, TEST, TRAIN, VALIDATION, check_image_set
from taet.errors import UserError

RNG = np.random.default_rng(0)


def image(*shape: int) -> Image.Image:
    return Image.fromarray(RNG.integers(1, 256, shape, dtype=np.uint8))


def png(depth: int, colours: int, raw: bytes) -> bytes:
    """A PNG of 8x8 pixels, of a kind that Pillow does not write."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + crc

    head = struct.pack(">IIBBBBB", 8, 8, depth, colours, 0, 0, 0)
    parts = (chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(raw)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Two classes of colour images, ``oak`` and ``elm``."""
    for name in ("oak", "elm"):
        folder = tmp_path / "own/leaves" / name
        folder.mkdir(parents=True)
        for i in range(2):
            image(8, 8, 3).save(folder / f"{i}.png")
    return tmp_path / "own/leaves"


def test_folders(own: Path) -> None:
    assert own_folder(own.parents[1] / "raw/leaves") == own
    image(8, 8).save(own / "elm/2.png")
    (own / "elm/.DS_Store").write_bytes(b"hidden")
    (own / "readme.txt").write_text("of no class")
    image_set = read_images(in_folders(own))
    check_image_set(image_set)
    assert image_set.class_names == ["elm", "oak"]
    assert image_set.labels.tolist() == [0, 0, 0, 1, 1]
    assert set(image_set.official) == {NO_SPLIT}
    assert image_set.images.shape == (5, 8, 8, 3)
    assert np.array_equal(image_set.images[0], np.asarray(Image.open(own / "elm/0.png")))
    grey = np.asarray(Image.open(own / "elm/2.png"))
    assert all(np.array_equal(image_set.images[2, ..., c], grey) for c in range(3))


@pytest.mark.parametrize("validation", ["val", "validation"])
def test_official_splits(own: Path, validation: str) -> None:
    for split in ("train", validation, "test"):
        for name in ("2", "10"):
            (own.parent / "x" / split / name).mkdir(parents=True)
            image(8, 8).save(own.parent / "x" / split / name / "a.png")
    image_set = read_images(in_folders(own.parent / "x"))
    check_image_set(image_set)
    assert image_set.official.tolist() == [TRAIN] * 2 + [VALIDATION] * 2 + [TEST] * 2
    assert image_set.class_names == ["2", "10"]
    assert image_set.labels.tolist() == [1, 0] * 3, "files are in the order of their folders"
    assert image_set.images.shape == (6, 8, 8, 1)


def test_split_without_test_images_is_no_class(own: Path) -> None:
    for split in ("train", "val"):
        (own.parent / "x" / split / "oak").mkdir(parents=True)
        image(8, 8).save(own.parent / "x" / split / "oak/a.png")
    with pytest.raises(UserError, match="x/train/oak: no file, but in the folder of a class; take"):
        in_folders(own.parent / "x")


def _exif(file: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    image(8, 8, 3).save(file, "JPEG", exif=exif)


ODD: dict[str, tuple[Callable[[Path], object], str]] = {
    "alpha": (lambda file: image(8, 8, 4).save(file), "transparent"),
    "grey and alpha": (lambda file: image(8, 8).convert("LA").save(file), "transparent"),
    "palette, transparent": (lambda file: image(8, 8).convert("P").save(file, transparency=0), "transparent"),
    "16 bit": (lambda file: Image.fromarray(RNG.integers(0, 60000, (8, 8), dtype=np.uint16)).save(file), "8 bits"),
    "16 bit colour": (lambda file: file.write_bytes(png(16, 2, (b"\0" + bytes(48)) * 8)), "8 bits"),
    "floats": (lambda file: image(8, 8).convert("F").save(file, "TIFF"), "8 bits"),
    "CMYK": (lambda file: image(8, 8, 3).convert("CMYK").save(file, "TIFF"), "kind CMYK"),
    "another size": (lambda file: image(9, 9, 3).save(file), r"9x9 pixels, but .*0\.png has 8x8"),
    "not square": (lambda file: image(8, 9, 3).save(file), "9x8 pixels; must be square"),
    "several frames": (lambda file: image(8, 8).save(file, "GIF", save_all=True, append_images=[image(8, 8)]), "several frames"),
    "turned": (_exif, "EXIF"),
    "text": (lambda file: file.write_text("hello"), "no format that Pillow knows"),
    "empty": (lambda file: file.write_bytes(b""), "no format that Pillow knows"),
    "cut": (lambda file: file.write_bytes((file.parent / "0.png").read_bytes()[:-60]), "cannot be read as an image"),
    "damaged": (lambda file: file.write_bytes((file.parent / "0.png").read_bytes().replace(b"IDAT", b"IDAT\xff")), "image"),
    "link to nothing": (lambda file: file.symlink_to("nothing"), "no file"),
    "pipe": (lambda file: os.mkfifo(file), "no file"),
    "folder": (lambda file: file.mkdir(), "no file"),
}  # fmt: skip


@pytest.mark.parametrize("kind", ODD)
def test_odd_images_are_refused_by_name(kind: str, own: Path) -> None:
    make, message = ODD[kind]
    make(own / "oak" / "odd.png")
    with pytest.raises(UserError, match=rf"^{own}/oak/odd\.png: .*{message}") as caught:
        read_images(in_folders(own))
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("mode", ["P", "1"])
def test_what_is_stored_otherwise_is_read_exactly(mode: str, own: Path) -> None:
    made = image(8, 8, 3).convert(mode)
    made.save(own / "elm/0.png")
    image_set = read_images(in_folders(own))
    assert np.array_equal(image_set.images[0], np.asarray(made.convert("RGB")))


def test_no_folder_and_no_images(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="own/x: no such folder; put a folder for each class"):
        in_folders(tmp_path / "own/x")
    (tmp_path / "own/x").mkdir(parents=True)
    with pytest.raises(UserError, match="own/x: no images; put them"):
        in_folders(tmp_path / "own/x")


def test_an_empty_folder_is_no_class(own: Path) -> None:
    (own / "empty").mkdir(parents=True)
    with pytest.raises(UserError, match="empty: no images; put some there, or remove the folder"):
        in_folders(own)


def test_table(own: Path) -> None:
    (own / "labels.csv").write_bytes(
        "\ufefflabel,file,split\r\nNone,oak/0.png,test\r\n\r\nNA,oak/1.png,train\r\n"
        '"a, b",elm/0.png,train\r\nNone,elm/1.png,val\r\n'.encode()
    )
    image_set = read_images(in_table(own))
    assert image_set.class_names == ["NA", "None", "a, b"], "labels are text"
    assert image_set.labels.tolist() == [0, 2, 1, 1]
    assert image_set.official.tolist() == [TRAIN, TRAIN, VALIDATION, TEST]
    (own / "labels.csv").write_text("file,label\noak/0.png,7\nelm/0.png,10\n")
    image_set = read_images(in_table(own))
    assert (image_set.class_names, image_set.official.tolist()) == (["7", "10"], [NO_SPLIT] * 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"labels\.csv:1: the first line is"),
        ("file;label\noak/0.png;1\n", "must be file,label or"),
        ("file,label\n", "names no image"),
        ("file,label\noak/0.png\n", r"labels\.csv:2: 1 values; must be 2"),
        ("file,label\noak/0.png,\n", r"labels\.csv:2: no label"),
        ("file,label\noak/9.png,1\n", r"labels\.csv:2: no file 'oak/9.png'"),
        ("file,label\n../leaves/oak/0.png,1\n", "no file"),
        ("file,label\n/etc/passwd,1\n", "no file"),
        ("file,label\noak/0.png,1\noak/0.png,2\n", r"labels\.csv:3: .*second time"),
        ("file,label,split\noak/0.png,1,tset\n", r"labels\.csv:2: no split 'tset'; did you mean 'test'"),
        ('file,label\n"oak/0.png",1\n\n"elm/0.png,1\n\n', r"labels\.csv:4: cannot be read: unexpected end"),
        ('file,label\n\n"oak\n/0.png",1\noak/0.png,\n', r"labels\.csv:3: no file 'oak.n/0.png'"),
    ],
)  # fmt: skip
def test_odd_tables_are_refused_by_line(text: str, message: str, own: Path) -> None:
    (own / "labels.csv").write_text(text)
    with pytest.raises(UserError, match=message) as caught:
        in_table(own)
    assert str(caught.value).isprintable()


def test_tables_that_cannot_be_read(own: Path) -> None:
    with pytest.raises(UserError, match=r"labels\.csv: cannot be read: No such file"):
        in_table(own)
    (own / "labels.csv").write_bytes("file,label\noak/0.png,B\u00e4r\n".encode("latin-1"))
    with pytest.raises(UserError, match=r"labels\.csv:2: cannot be read: .*UTF-8"):
        in_table(own)

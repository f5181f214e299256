"""The page docs/add_a_data_set.md, done as it says, with little images and small official files."""

import gzip
import hashlib
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from taet.data.imageset import NO_SPLIT, ImageSet, check_image_set
from taet.study.params.load import load_params
from taet.study.store import artifacts
from tests.conftest import ROOT, Tree
from tests.docs.pages import block, commands

PAGE = "add_a_data_set.md"
# Blocks of Python on the page.
PHOTOS, LEAVES, TABLE, FASHION = range(4)
COUNTS = {"ash": 80, "elm": 35, "fir": 120, "oak": 60, "yew": 40}  # of photos, by class
# Training sizes as at home, a tenth of the test images; 8x8 pixels, so that the files stay small.
TRAIN, TEST, SIZE = 60_000, 1_000, 8


def photos(folder: Path, counts: dict[str, int]) -> None:
    """Photos of several sizes and kinds; each class has a brightness of its own."""
    rng = np.random.default_rng(0)
    for label, (name, count) in enumerate(counts.items()):
        (folder / name).mkdir(parents=True)
        for i in range(count):
            shape = (40 + i % 7, 36 + i % 5, 3)
            values = rng.integers(40 * label, 40 * label + 60, shape, dtype=np.uint8)
            photo = Image.fromarray(values)
            if i % 5 == 0:
                photo.putalpha(128)
            exif = Image.Exif()
            exif[0x0112] = 1 + i % 8
            photo.save(folder / name / f"{i}.png", exif=exif)


def run(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True)


def obtained(code: str, folder: Path) -> ImageSet:
    """What a data set file hands over of the files in a folder; what it names is what it reads."""
    names: dict = {}
    exec(compile(code, "leaves.py", "exec"), names)
    options = names["Options"](
        kind="leaves", label="Leaves", longtail=load_params(ROOT / "params.yaml").longtail
    )
    found: ImageSet = names["obtain"](folder / "data/raw/leaves", options, None)
    own = folder / "data/own/leaves"
    files = {path for path in own.rglob("*") if path.is_file()}
    assert files == set(names["sources"](folder / "data/raw/leaves", options))
    check_image_set(found)
    return found


def test_images_of_the_page(tmp_path: Path) -> None:
    """Its functions, on the images that it makes; the long test runs the study."""
    photos(tmp_path / "photos", {"oak": 12, "elm": 5})
    done = run(block(PAGE, "python", PHOTOS), tmp_path)
    assert done.returncode == 0, done.stderr
    found = obtained(block(PAGE, "python", LEAVES), tmp_path)
    assert found.images.shape == (17, 32, 32, 3)
    assert found.class_names == ["elm", "oak"]
    assert set(found.official) == {NO_SPLIT}
    lines = [f"oak/{i}.png,{'train' if i else 'test'},tree" for i in range(12)]
    lines += [f"elm/{i}.png,{'train' if i else 'test'},None" for i in range(5)]
    (tmp_path / "data/own/leaves/labels.csv").write_text("\n".join(["file,split,label", *lines]))
    leaves = block(PAGE, "python", LEAVES).partition("def sources")[0]
    found = obtained(leaves + block(PAGE, "python", TABLE), tmp_path)
    assert found.class_names == ["None", "tree"]
    assert np.bincount(found.labels).tolist() == [5, 12]

    deep = np.zeros((40, 40), np.uint16)
    Image.fromarray(deep).save(tmp_path / "photos/oak/deep.png")
    done = run(block(PAGE, "python", PHOTOS), tmp_path)
    assert done.returncode == 1
    assert done.stderr == "photos/oak/deep.png: scale its values to 8 bits first\n"


@pytest.mark.docs
def test_leaves(tree: Tree) -> None:
    photos(tree.path / "photos", COUNTS)
    done = run(block(PAGE, "python", PHOTOS), tree.path)
    assert done.returncode == 0, done.stderr
    (tree.path / "src/taet/datasets/leaves.py").write_text(block(PAGE, "python", LEAVES))
    tree.edit("params.yaml", "  cifar10: {label", block(PAGE, "yaml") + "  cifar10: {label")
    with (tree.path / "params.yaml").open("a") as file:
        file.write(block(PAGE, "yaml", 1))
    said = [tree.ok(*command) for command in commands(PAGE)]
    assert "datasets.leaves.label" in said[0]
    assert "leaves" in said[1]
    lists = "data/longtail/leaves/leaves/ir{}/seed0.safetensors"
    split, facts = artifacts.read_arrays(tree.path / lists.format("natural"))
    assert facts["class_counts"] == [count - 20 for count in COUNTS.values()]
    assert len(split["test"]) == 100
    _, facts = artifacts.read_arrays(tree.path / lists.format("10"))
    assert facts["class_counts"] == [56, 10, 100, 31, 17], "from the largest class to the smallest"
    main = (tree.path / "results/leaves/tables/main.md").read_text()
    assert "Leaves" in main
    assert "TAET" in main

    shutil.copytree(
        ROOT / "tests", tree.path / "tests", ignore=shutil.ignore_patterns("__pycache__")
    )
    schema, tests = commands(PAGE, 1)
    written = tree.run(*schema[: schema.index(">")])
    assert written.returncode == 0
    (tree.path / schema[-1]).write_text(written.stdout)
    tested = tree.run(sys.executable, "-m", *tests, "-q", "-p", "no:cacheprovider")
    assert tested.returncode == 0, tested.stdout
    assert "passed" in tested.stdout


def idx(array: np.ndarray) -> bytes:
    header = struct.pack(">4B", 0, 0, 8, array.ndim) + struct.pack(f">{array.ndim}i", *array.shape)
    return gzip.compress(header + array.tobytes(), compresslevel=1)


@pytest.fixture
def prepared(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> Tree:
    """The file of Fashion-MNIST in place, with blocks like those of the leaves; a mirror with small files that torchvision takes for official."""
    (tree.path / "src/taet/datasets/fashion_mnist.py").write_text(block(PAGE, "python", FASHION))
    tree.edit(
        "params.yaml", "  cifar10: {label", "  fashion_mnist: {label: Fashion}\n  cifar10: {label"
    )
    with (tree.path / "params.yaml").open("a") as file:
        file.write(
            "  fashion:\n    extends: cifar10_small\n"
            "    grid: {datasets: [fashion_mnist], imbalance_ratios: [10, 50]}\n"
        )

    rng, resources = np.random.default_rng(0), []
    mirror = tree.path / "mirror"
    mirror.mkdir()
    for name, count in (("train", TRAIN), ("t10k", TEST)):
        for kind, array in (
            ("images-idx3", rng.integers(1, 256, (count, SIZE, SIZE), dtype=np.uint8)),
            ("labels-idx1", (np.arange(count) % 10).astype(np.uint8)),
        ):
            data = idx(array)
            (mirror / f"{name}-{kind}-ubyte.gz").write_bytes(data)
            md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
            resources.append((f"{name}-{kind}-ubyte.gz", md5))
    (tree.path / "src/sitecustomize.py").write_text(
        f"from torchvision.datasets import FashionMNIST\nFashionMNIST.resources = {resources!r}\n"
    )
    monkeypatch.setenv("TAET_DATA_MIRROR", str(mirror))
    return tree


@pytest.mark.docs
def test_official_files(prepared: Tree) -> None:
    prepared.ok("snakemake", "--cores", "2", "subsample", "--config", "study=fashion")
    lists = "data/longtail/fashion/fashion_mnist/ir{}/seed0.safetensors"
    for ratio, tail in (("10", 600), ("50", 120)):
        split, facts = artifacts.read_arrays(prepared.path / lists.format(ratio))
        assert facts["class_counts"][0] == 6000
        assert facts["class_counts"][-1] == tail
        assert facts["class_names"][0] == "T-shirt/top"
        assert len(split["test"]) == TEST

"""The page docs/add_a_data_set.md, done as it says, on small files in the official format."""

import gzip
import hashlib
import struct

import numpy as np
import pytest

from taet import artifacts
from tests.conftest import Tree
from tests.docs.pages import block, commands

PAGE = "add_a_data_set.md"
# Training sizes as at home, a tenth of the test images; 8x8 pixels, so that the files stay small.
TRAIN, TEST, SIZE = 60_000, 1_000, 8

pytestmark = [pytest.mark.e2e, pytest.mark.long]


def idx(array: np.ndarray) -> bytes:
    header = struct.pack(">4B", 0, 0, 8, array.ndim) + struct.pack(f">{array.ndim}i", *array.shape)
    return gzip.compress(header + array.tobytes(), compresslevel=1)


@pytest.fixture
def prepared(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> Tree:
    """The page's files in place; a mirror with small files that torchvision takes for official."""
    (tree.path / "src/taet/datasets/fashion_mnist.py").write_text(block(PAGE, "python"))
    tree.edit("params.yaml", "  cifar10: {label", block(PAGE, "yaml") + "  cifar10: {label")
    with (tree.path / "params.yaml").open("a") as file:
        file.write(block(PAGE, "yaml", 1))

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


def test_page(prepared: Tree) -> None:
    said = [prepared.ok(*command) for command in commands(PAGE)]
    assert "datasets.fashion_mnist.label" in said[0]
    assert "fashion_mnist" in said[1]
    lists = "data/longtail/fashion/fashion_mnist/ir{}/seed0.safetensors"
    for ratio, tail in (("10", 600), ("50", 120)):
        split, facts = artifacts.read_arrays(prepared.path / lists.format(ratio))
        assert facts["class_counts"][0] == 6000
        assert facts["class_counts"][-1] == tail
        assert facts["class_names"][0] == "T-shirt/top"
        assert len(split["test"]) == TEST

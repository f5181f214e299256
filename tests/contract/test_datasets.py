"""What every file in datasets/ must keep, new ones included."""

from pathlib import Path

import numpy as np
import pytest
from torchvision.datasets import CIFAR10, CIFAR100

from taet import params, plugins
from taet.datasets import digits as digits_module
from taet.datasets._download import MIRROR
from taet.errors import UserError
from tests.contract.official import small_cifar

DATASETS = plugins.names("datasets")


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with small files in the official formats, named as the mirror."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    for cls in (CIFAR10, CIFAR100):
        (folder / cls.filename).write_bytes(small_cifar(cls, monkeypatch))
    monkeypatch.setenv(MIRROR, str(folder))


@pytest.mark.usefixtures("mirror")
@pytest.mark.parametrize("name", DATASETS)
def test_images(name: str, digits: params.Params, tmp_path: Path) -> None:
    options = next(b for b in digits.datasets.values() if b.kind == name)
    found = plugins.load("datasets", name).obtain(tmp_path, options)
    classes = len(found.class_names)
    assert found.images.dtype == np.uint8
    assert found.images.ndim == 4
    assert found.images.shape[3] in (1, 3)
    assert found.labels.dtype == np.int64
    assert len(found.images) == len(found.labels) == len(found.official)
    assert set(found.labels.tolist()) == set(range(classes))
    assert 0 < found.images.max() <= found.max_value <= 255


def test_digits_are_the_known_ones(digits: params.Params, tmp_path: Path) -> None:
    found = digits_module.obtain(tmp_path, digits.datasets["digits"])
    assert found.images.shape == (1797, 8, 8, 1)
    assert np.bincount(found.labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert found.labels[:10].tolist() == list(range(10))


def test_digits_that_were_tampered_with(
    digits: params.Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digits_module, "SHA256", "0" * 64)
    with pytest.raises(UserError, match="reinstall scikit-learn"):
        digits_module.obtain(tmp_path, digits.datasets["digits"])

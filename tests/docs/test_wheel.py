"""The wheel, built from the source archive, in an empty folder: it has all that evaluate_your_model.md uses."""

import os
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
import torch

import taet
from tests.conftest import ROOT
from tests.docs.pages import block
from tests.unit.api import peers

pytestmark = pytest.mark.docs

SECTION = "In Python, in any folder"
# What of the project the build reads; built in a copy, since it leaves folders behind.
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "params.yaml")
CHECKS = """
import sys
from pathlib import Path
assert Path(taet.__file__).is_relative_to(sys.argv[1]), taet.__file__
assert set(table["attack"]) == {"clean", "pgd20", "autoattack", "worst of these"}
assert table["eps"].max() == 8 / 255
assert attacked.images.shape == x.shape
assert set(scores["scope"]) == {"all", "head", "medium", "tail", "worst_class", "class"}
assert split.train_counts == [10, 7, 5, 4, 3, 2, 2, 1, 1, 1]
assert taet.evaluate(model, (x, y), "fgsm", study="cifar10_lt")["eps"].max() == 8 / 255
others = taet.load_weights(sys.argv[2], "resnet18")
assert set(taet.evaluate(others, (x, y), "fgsm")["attack"]) == {"clean", "fgsm"}
digits = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
assert len(taet.evaluate(digits, "digits", "fgsm", images=20)) > 0
ours = taet.load("digits/taet", ir=10, results=sys.argv[3])
assert taet.evaluate(ours, "digits", [], images=100)["accuracy"].iloc[0] > 0.8
"""


BUILD_TOOLS = {"pip": 23, "setuptools": 77}


def _major(name: str) -> int:
    """0 where it is not installed."""
    try:
        return int(version(name).split(".")[0])
    except PackageNotFoundError:
        return 0


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the installed wheel and nothing else."""
    # Not imported: setuptools replaces modules of this process.
    missing = [name for name, least in BUILD_TOOLS.items() if _major(name) < least]
    if missing:
        pytest.skip(f"needs a newer {missing[0]}: pip install --upgrade pip 'setuptools>=77'")
    folder = tmp_path_factory.mktemp("wheel")
    (folder / "project").mkdir()
    for name in SOURCES:
        shutil.copy(ROOT / name, folder / "project")
    shutil.copytree(
        ROOT / "src",
        folder / "project/src",
        symlinks=True,
        ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"),
    )
    sdists = folder / "sdists"
    build = f"from setuptools import build_meta; build_meta.build_sdist({str(sdists)!r})"
    subprocess.run([sys.executable, "-c", build], cwd=folder / "project", check=True)
    (sdist,) = sdists.glob("*.tar.gz")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    offline = ["--no-deps", "--no-index"]
    wheels, target = folder / "wheels", folder / "installed"
    subprocess.run(
        [*pip, "wheel", *offline, "--no-build-isolation", "-w", wheels, sdist], check=True
    )
    (wheel,) = wheels.glob("*.whl")
    subprocess.run([*pip, "install", *offline, "--target", target, wheel], check=True)
    return target


def test_files_that_are_no_code(installed: Path) -> None:
    parameters = installed / "taet/params.yaml"
    assert not parameters.is_symlink()
    assert parameters.read_bytes() == (ROOT / "params.yaml").read_bytes()
    assert (installed / "taet/py.typed").exists()
    templates = {file.name for file in (ROOT / "src/taet/report/templates").glob("*.j2")}
    assert {file.name for file in (installed / "taet/report/templates").iterdir()} == templates


def test_version(installed: Path) -> None:
    """That of the package is that of its metadata, which pip and records show."""
    (metadata,) = installed.glob("taet-*.dist-info/METADATA")
    assert f"\nVersion: {taet.__version__}\n" in metadata.read_text()


def test_page_runs_in_an_empty_folder(
    installed: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    code = block("evaluate_your_model.md", "python", section=SECTION) + CHECKS
    beside = tmp_path_factory.mktemp("beside")
    peer = peers.ResNet(64, 10, "shortcut", "linear")
    torch.save(peer.state_dict(), beside / "weights.pt")
    done = subprocess.run(
        [sys.executable, "-c", code, installed, beside / "weights.pt", ROOT / "results"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(installed), "TAET_CACHE": str(beside / "cache")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == [], "nothing is stored"

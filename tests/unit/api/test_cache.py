"""Data sets by name in a folder without parameters: made once, in the cache that is named."""

import os
import random
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import taet
from taet.api import cache, own_model
from taet.api.cache import cache_folder
from taet.cli.main import main
from taet.errors import UserError
from tests.conftest import ROOT
from tests.unit.api.test_functions import linear, project  # noqa: F401

STORED = "data/raw/digits/images.safetensors"


def test_the_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TAET_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/user/cache")
    assert cache_folder(None) == Path("/user/cache/taet")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder(None) == Path.home() / ".cache/taet"
    monkeypatch.setenv("TAET_CACHE", "~/images")
    assert cache_folder(None) == Path.home() / "images"
    assert cache_folder("here") == Path.cwd() / "here"


@pytest.mark.usefixtures("project")
def test_any_folder_gives_the_numbers_of_the_project(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_project = taet.evaluate(linear(), "digits", "pgd20", images=50)
    empty, new = tmp_path_factory.mktemp("empty"), tmp_path_factory.mktemp("cache") / "new"
    monkeypatch.chdir(empty)
    monkeypatch.setenv("TAET_CACHE", str(new))
    table = taet.evaluate(linear(), "digits", "pgd20", images=50)
    pd.testing.assert_frame_equal(table, in_project, check_exact=True)
    made = (new / STORED).stat().st_mtime_ns
    taet.evaluate(linear(), "digits", [], images=50)
    assert (new / STORED).stat().st_mtime_ns == made, "it is not made again"
    assert list(empty.iterdir()) == []
    assert Path.cwd() == empty


FOREIGN = (
    "lr: 0.1\ndata:\n  datasets: [a]\nmodel: {layers: 3}\n"  # of another project, as DVC calls it
)


def test_parameters_of_another_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the package are used instead; one of ours with a mistake is not passed over."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TAET_CACHE", str(tmp_path / "cache"))
    (tmp_path / "params.yaml").write_text(FOREIGN)
    assert len(taet.evaluate(linear(), "digits", [], images=50))
    assert (tmp_path / "cache" / STORED).exists()
    for wrong in ("studies: {a: {}}\n", "lr: 1\ndatasets: {digits: \n", "datasets:\n  digits: 3\n"):
        (tmp_path / "params.yaml").write_text(wrong)
        with pytest.raises(UserError, match=r"^params\.yaml:"):
            taet.evaluate(linear(), "digits", [], images=50)


def test_the_command_line_in_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setenv("TAET_CACHE", str(tmp_path / "cache"))
    (tmp_path / "mine.py").write_text("from tests.unit.api.test_functions import linear as load\n")
    line = ["evaluate", "--model", "mine.py:load", "--dataset", "digits", "--attacks", "fgsm"]
    assert main([*line, "--images", "50"]) == 0
    assert "n = 50 images" in capsys.readouterr().out
    assert (tmp_path / "cache" / STORED).exists()
    assert main([*line, "--params", "params.yaml"]) == 1
    assert "params.yaml: no such file" in capsys.readouterr().err


def test_a_first_evaluation_leaves_the_process_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is imported for a data set may draw random numbers and set variables."""

    def cache_images(*arguments: Any) -> None:
        random.random()
        os.environ["KMP_INIT_AT_FORK"] = "FALSE"
        del os.environ["TO_STAY"]
        cache.cache_images(*arguments)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TO_STAY", "1")
    monkeypatch.delenv("KMP_INIT_AT_FORK", raising=False)
    monkeypatch.setattr(own_model, "cache_images", cache_images)
    drawn, variables = random.getstate(), dict(os.environ)
    taet.evaluate(linear(), "digits", [], images=50, cache="images")
    assert random.getstate() == drawn
    assert dict(os.environ) == variables


def test_a_cache_that_is_no_path() -> None:
    message = r"^cache: a value of the type int; must be the path of a folder$"
    with pytest.raises(UserError, match=message):
        taet.evaluate(linear(), "digits", [], cache=5)  # type: ignore[arg-type]


def test_a_cache_beside_a_parameter_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    with pytest.raises(UserError, match="taet download --dataset digits"):
        taet.evaluate(linear(), "digits", [])
    assert len(taet.evaluate(linear(), "digits", [], images=50, cache="images"))
    assert (tmp_path / "images" / STORED).exists()


def test_what_cannot_be_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TAET_CACHE", str(tmp_path / "cache"))
    with pytest.raises(UserError, match="no data set 'digit'"):
        taet.evaluate(linear(), "digit", [])
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="file: File exists; name another folder"):
        taet.evaluate(linear(), "digits", [], cache="file")


def test_paths_are_below_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mirror").mkdir()
    monkeypatch.setenv("TAET_DATA_MIRROR", str(tmp_path / "mirror"))
    monkeypatch.chdir(tmp_path / "mirror")
    folder = tmp_path / "cache"
    message = rf"^{folder}: download cifar10: .* put the file into data/raw/cifar10"
    with pytest.raises(UserError, match=message):
        taet.evaluate(linear(), "cifar10", [], cache=folder)

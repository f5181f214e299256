"""Data sets by name in a folder without parameters: made once, in the cache that is named."""

from pathlib import Path

import pandas as pd
import pytest

import taet
from taet.api.cache import cache_folder
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
    empty, cache = tmp_path_factory.mktemp("empty"), tmp_path_factory.mktemp("cache") / "new"
    monkeypatch.chdir(empty)
    monkeypatch.setenv("TAET_CACHE", str(cache))
    table = taet.evaluate(linear(), "digits", "pgd20", images=50)
    pd.testing.assert_frame_equal(table, in_project, check_exact=True)
    made = (cache / STORED).stat().st_mtime_ns
    taet.evaluate(linear(), "digits", [], images=50)
    assert (cache / STORED).stat().st_mtime_ns == made, "it is not made again"
    assert list(empty.iterdir()) == []
    assert Path.cwd() == empty


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

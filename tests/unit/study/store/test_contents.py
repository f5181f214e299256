"""The digest of what a data set of one's own is read from, and its part in keys."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from taet.errors import UserError
from taet.study.params import plugins
from taet.study.params.load import load_params
from taet.study.plan.study import Study
from taet.study.store import artifacts, contents


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = Path("images")
    folder.mkdir()
    for name in ("a", "b"):
        (folder / name).write_text(name)
    return folder


def digest(folder: Path) -> str:
    return contents.digest_of(folder.iterdir(), Path(), Path("cache.json"))


def test_contents_and_names_count_and_times_do_not(images: Path) -> None:
    first = digest(images)
    os.utime(images / "a", (1, 1))
    assert digest(images) == first
    (images / "c").write_text("c")
    added = digest(images)
    (images / "c").rename(images / "d")
    assert len({first, added, digest(images)}) == 3
    (images / "d").unlink()
    assert digest(images) == first


def test_a_change_that_keeps_size_and_time_is_seen(
    images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "YOUNG", -1)  # remember even the youngest
    first, stat = digest(images), (images / "a").stat()
    (images / "a").write_text("x")
    os.utime(images / "a", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert digest(images) != first


def test_what_has_not_changed_is_not_read_again(
    images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "YOUNG", -1)
    first = digest(images)
    monkeypatch.setattr(contents, "file_sha256", lambda file: pytest.fail(f"{file} was read"))
    assert digest(images) == first


def test_young_files_are_read_again(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest(images)
    read: list[Path] = []
    monkeypatch.setattr(contents, "file_sha256", lambda file: read.append(file) or "")
    digest(images)
    assert len(read) == 2


def test_the_place_of_the_project_does_not_count(images: Path) -> None:
    here = Path.cwd()
    moved = contents.digest_of((here / images).iterdir(), here, Path("cache.json"))
    assert moved == digest(images)


def test_a_time_in_the_future_is_not_read_again(
    images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A camera's clock was wrong; when a file was put here, the system knows."""
    os.utime(images / "a", (2**33, 2**33))
    later = contents.time.time_ns() + 10 * contents.YOUNG * 10**9
    monkeypatch.setattr(contents.time, "time_ns", lambda: later)
    first = digest(images)
    monkeypatch.setattr(contents, "file_sha256", lambda file: pytest.fail(f"{file} was read"))
    assert digest(images) == first


@pytest.mark.parametrize("odd", [b"", b"[]", b'{"images/a": 3}', b"\xff", b'{"images/a": []}'])
def test_a_damaged_memory_costs_reading_only(images: Path, odd: bytes) -> None:
    first = digest(images)
    Path("cache.json").write_bytes(odd)
    assert digest(images) == first


def test_a_file_that_cannot_be_read_is_named(images: Path) -> None:
    with pytest.raises(UserError, match="images/gone: cannot be read: No such file"):
        contents.digest_of([images / "gone"], Path(), Path("cache.json"))


def test_a_changed_image_makes_all_that_follows_stale(
    images: Path, tiny_params: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a data set whose file has ``sources``; without the images, the images say what they were."""
    monkeypatch.setattr(plugins, "defines", lambda *names: names[2] == "sources")

    def sources(*_: object) -> list[Path]:
        if not (files := sorted(images.iterdir())):
            raise UserError("no images")
        return files

    monkeypatch.setattr(plugins, "load", lambda *_: SimpleNamespace(sources=sources))

    def keys() -> list[str]:
        study = Study(load_params(tiny_params))
        jobs = [study.job("download", dataset="digits"), study.jobs("equalize")[0]]
        return [job.key for job in jobs]

    first = keys()
    (images / "a").write_text("another")
    second = keys()
    assert not set(first) & set(second)
    job = Study(load_params(tiny_params)).job("download", dataset="digits")
    artifacts.write_arrays(job.output, {}, job.key, contents=job.reads["contents"])
    for file in images.iterdir():
        file.unlink()
    assert keys() == second
    job.output.unlink()
    with pytest.raises(UserError, match="no images"):
        keys()

import hashlib
import os
import socket
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from taet.errors import UserError
from taet.study.run import runner
from taet.study.store import artifacts
from taet.study.store.records import read_record, record_path

ARRAYS = {
    "a": np.arange(6, dtype=np.int16).reshape(2, 3),
    "step": np.array(7.0, dtype=np.float32),  # no dimension
    "empty": np.zeros((0, 4), dtype=np.uint8),
    "turned": np.arange(6, dtype=np.float32).reshape(2, 3).T,  # not contiguous
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "x.safetensors"
    artifacts.write_arrays(path, ARRAYS, "k1", note="hello", history=[{"loss": 0.1}])
    return path


def test_round_trip(file: Path) -> None:
    arrays, facts = artifacts.read_arrays(file, "k1")
    assert set(arrays) == set(ARRAYS)
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        assert arrays[name].shape == array.shape
        assert (arrays[name] == array).all()
    assert facts["note"] == "hello"
    assert facts["history"] == [{"loss": 0.1}]
    assert artifacts.read_key(file) == "k1"


def test_bytes_depend_on_contents_alone(tmp_path: Path) -> None:
    one, two = tmp_path / "one.safetensors", tmp_path / "two"
    artifacts.write_arrays(one, ARRAYS, "k", b=1, a=2)
    artifacts.write_arrays(two, dict(reversed(ARRAYS.items())), "k", a=2, b=1)
    assert one.read_bytes() == two.read_bytes()


def test_files_are_written_as_their_format_says(tmp_path: Path) -> None:
    """The code that writes files is in no key: whoever changes what it writes raises FORMAT."""
    artifacts.write_arrays(
        tmp_path / "arrays", {"a": np.arange(3), "b": np.eye(2, dtype="f4")}, "k", note=1
    )
    artifacts.write_bytes(tmp_path / "text.csv", b"a,b\n")
    artifacts.write_manifest(tmp_path, "k", ["text.csv"])
    written = b"".join((tmp_path / name).read_bytes() for name in ("arrays", artifacts.MANIFEST))
    assert artifacts.FORMAT == 2
    assert hashlib.sha256(written).hexdigest()[:16] == "84a3f03e0e896afc"


def test_another_key_is_stale(file: Path) -> None:
    with pytest.raises(
        UserError, match=r"x\.safetensors: was made with other parameters, code or data"
    ):
        artifacts.read_arrays(file, "k2")


@pytest.mark.parametrize("keep", [0, 1, 7, 8, 20, 100, -1, -20])
def test_truncation_is_noticed(file: Path, keep: int) -> None:
    data = file.read_bytes()
    file.write_bytes(data[:keep])
    with pytest.raises(UserError, match=r"x\.safetensors: damaged"):
        artifacts.read_arrays(file)


def test_every_flipped_bit_is_noticed(file: Path) -> None:
    _, expected = artifacts.read_arrays(file, "k1")
    data = bytearray(file.read_bytes())
    for position in range(len(data)):
        data[position] ^= 1
        file.write_bytes(data)
        # A flip may hit what nobody reads, such as white space in the header: then nothing is lost.
        try:
            arrays, facts = artifacts.read_arrays(file, "k1")
        except UserError:
            pass
        else:
            assert facts == expected
            assert all((arrays[name] == array).all() for name, array in ARRAYS.items())
        data[position] ^= 1


def test_missing_and_foreign_files(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        artifacts.read_arrays(tmp_path / "none")
    foreign = tmp_path / "foreign"
    for content in (b"\xff" * 64, b"hello world, this is text" * 10):
        foreign.write_bytes(content)
        with pytest.raises(UserError, match="damaged"):
            artifacts.read_arrays(foreign)
    with pytest.raises(UserError, match="cannot be read"):
        artifacts.read_arrays(tmp_path)


def test_failed_write_leaves_the_old_file_and_no_litter(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = file.read_bytes()

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        artifacts.write_arrays(file, {"a": np.zeros(3)}, "k2")
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


def test_leftovers_of_a_killed_writer_are_removed(file: Path) -> None:
    killed = file.with_name(f".{file.name}.abc123.part")
    other = file.with_name(".y.safetensors.abc123.part")
    killed.mkdir()
    (killed / ".tmpabcdef").write_bytes(b"half, by safetensors")
    other.write_bytes(b"of another file")
    artifacts.remove_leftovers(file)
    assert sorted(file.parent.iterdir()) == sorted([file, other])


def test_a_job_removes_what_was_left_of_its_record_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job: Any = SimpleNamespace(inputs={}, output=tmp_path / "x.safetensors", files=())
    monkeypatch.setattr(runner, "_run_stage", lambda job: {})
    monkeypatch.setattr(runner, "write_record", lambda job, watch: None)
    (tmp_path / ".x.record.json.abc123.part").mkdir()
    runner._make_output(job)
    assert list(tmp_path.iterdir()) == []


def test_manifest(tmp_path: Path) -> None:
    files = [tmp_path / "t.csv"]
    (tmp_path / "t.csv").write_text("1,2\n")
    artifacts.write_manifest(tmp_path, "k", ["t.csv"])
    manifest = tmp_path / artifacts.MANIFEST
    artifacts.verify_manifest(manifest, "k", files)
    assert artifacts.read_key(manifest) == "k"
    with pytest.raises(UserError, match="other parameters"):
        artifacts.verify_manifest(manifest, "k2", files)
    (tmp_path / "t.csv").write_text("1,3\n")
    with pytest.raises(UserError, match=r"t\.csv: damaged"):
        artifacts.verify_manifest(manifest, "k", files)
    (tmp_path / "t.csv").unlink()
    with pytest.raises(UserError, match=r"t\.csv: damaged"):
        artifacts.verify_manifest(manifest, "k", files)
    manifest.write_text("{")
    with pytest.raises(UserError, match=r"manifest\.json: damaged"):
        artifacts.verify_manifest(manifest, "k", files)


@pytest.mark.parametrize(
    ("listed", "message"),
    [
        (["a.csv"], r"manifest\.json: damaged \(it does not list b\.csv\)"),
        (["a.csv", "b.csv", "c.csv"], r"manifest\.json: damaged \(it lists c\.csv\)"),
        ([], r"manifest\.json: damaged \(it does not list a\.csv\)"),
    ],
)
def test_a_manifest_lists_what_the_job_writes(
    listed: list[str], message: str, tmp_path: Path
) -> None:
    for name in ("a.csv", "b.csv", "c.csv"):
        (tmp_path / name).write_text(name)
    artifacts.write_manifest(tmp_path, "k", listed)
    with pytest.raises(UserError, match=message):
        artifacts.verify_manifest(
            tmp_path / artifacts.MANIFEST, "k", [tmp_path / "a.csv", tmp_path / "b.csv"]
        )


def test_files_are_those_that_the_plan_names(tmp_path: Path) -> None:
    """In whatever order; nothing is written otherwise."""
    manifest, contents = tmp_path / "manifest.json", {"a.csv": b"1", "b.csv": b"2"}
    for planned in (["a.csv"], ["a.csv", "b.csv", "c.csv"], ["a.csv", "c.csv"]):
        with pytest.raises(ValueError, match=r"planned and written files differ in .*[bc]\.csv"):
            artifacts.write_files(manifest, "k", [tmp_path / name for name in planned], contents)
    assert not list(tmp_path.iterdir())
    files = [tmp_path / "b.csv", tmp_path / "a.csv"]
    artifacts.write_files(manifest, "k", files, contents)
    artifacts.verify_manifest(manifest, "k", files)
    assert [file.read_bytes() for file in files] == [b"2", b"1"]
    assert artifacts.by_name(files)["a.csv"] == tmp_path / "a.csv"


def test_a_manifest_whose_files_are_a_list(tmp_path: Path) -> None:
    manifest = tmp_path / artifacts.MANIFEST
    artifacts.write_json(manifest, {"format": artifacts.FORMAT, "key": "k", "files": [["a", "b"]]})
    with pytest.raises(UserError, match=r"manifest\.json: damaged \(its files are no mapping\)"):
        artifacts.verify_manifest(manifest, "k", [])


def no_file(path: Path, kind: str) -> None:
    """Lay something that is no file where one is looked for."""
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as end:
            end.bind(os.path.relpath(path))  # its address is short
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()


@pytest.mark.parametrize("kind", ["pipe", "socket", "device", "folder"])
def test_what_is_no_file_is_refused_and_not_waited_for(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model, manifest = Path("x.safetensors"), Path(artifacts.MANIFEST)
    for path in (model, manifest, record_path(model)):
        no_file(path, kind)
    message = f"cannot be read: it is a {kind}, no file; remove it"
    for read, path in (
        (artifacts.read_arrays, model),
        (artifacts.read_key, model),
        (artifacts.read_key, manifest),
        (lambda path: artifacts.verify_manifest(path, "k", []), manifest),
    ):
        with pytest.raises(UserError, match=f"{path}: {message}"):
            read(path)
    with pytest.raises(UserError, match=f"{record_path(model)}: {message}"):
        read_record(model, "k")


def test_a_pipe_listed_in_a_manifest(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("1,2\n")
    artifacts.write_manifest(tmp_path, "k", ["t.csv"])
    (tmp_path / "t.csv").unlink()
    os.mkfifo(tmp_path / "t.csv")
    with pytest.raises(UserError, match=r"t\.csv: damaged"):
        artifacts.verify_manifest(tmp_path / artifacts.MANIFEST, "k", [tmp_path / "t.csv"])


@pytest.mark.parametrize("mask", [0o077, 0o002, 0o022, 0o027])
def test_files_have_the_rights_that_the_umask_leaves(mask: int, tmp_path: Path) -> None:
    before = os.umask(mask)
    try:
        artifacts.write_bytes(tmp_path / "a", b"x")
        artifacts.write_bytes(tmp_path / "a", b"y")
        artifacts.write_arrays(tmp_path / "b", ARRAYS, "k")
        (tmp_path / "c").write_bytes(b"x")
    finally:
        os.umask(before)
    rights = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
    assert rights == dict.fromkeys("abc", 0o666 & ~mask)


def test_full_disk(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(small)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("needs the right to mount a small file system")
    try:
        with pytest.raises(UserError, match=r"x: cannot be written: .*No space left.*free space"):
            artifacts.write_arrays(small / "x", {"a": np.zeros(3_000_000, np.uint8)}, "k")
        with pytest.raises(OSError, match=r"No space left .*small/y"):
            artifacts.write_bytes(small / "y", bytes(3_000_000))
        assert list(small.iterdir()) == []
    finally:
        subprocess.run(["umount", str(small)], check=True)

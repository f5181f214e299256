"""Official files: from a server, from a mirror, in part, damaged, hostile."""

import io
import os
import pickle
import resource
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from torchvision.datasets import CIFAR10, CIFAR100

from taet.data.fetch import MIRROR, fetch, put_folder, unpack
from taet.data.imageset import TEST, TRAIN
from taet.datasets import cifar10, cifar100
from taet.errors import UserError
from taet.study.params import blocks
from tests.contract.official import Server, md5, serve, small_cifar

DATA = os.urandom(3_000_000)


@pytest.fixture
def server() -> Iterator[Server]:
    with serve() as running:
        running.files["data.bin"] = DATA
        yield running


@pytest.fixture(autouse=True)
def no_mirror(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(MIRROR, raising=False)


def test_fetch(server: Server, tmp_path: Path) -> None:
    target = tmp_path / "new" / "data.bin"
    fetch(f"{server.address}/x/data.bin", target, md5(DATA), None)
    assert target.read_bytes() == DATA
    assert list(target.parent.iterdir()) == [target]
    fetch(f"{server.address}/x/data.bin", target, md5(DATA), None)
    assert len(server.requests) == 1, "an intact file is used as it is"


@pytest.mark.parametrize("ranges", [True, False])
def test_broken_connection_goes_on(server: Server, tmp_path: Path, ranges: bool) -> None:
    target, url = tmp_path / "data.bin", f"{server.address}/data.bin"
    server.break_after = 2_000_000
    with pytest.raises(
        UserError, match=r"data\.bin: cannot be fetched .* 1000000 bytes are missing"
    ):
        fetch(url, target, md5(DATA), None)
    assert not target.exists()
    server.break_after, server.ranges = None, ranges
    fetch(url, target, md5(DATA), None)
    assert target.read_bytes() == DATA
    assert server.requests == [None, "bytes=2000000-"]


def test_part_that_is_already_whole(server: Server, tmp_path: Path) -> None:
    target = tmp_path / "data.bin"
    (tmp_path / "data.bin.part").write_bytes(DATA)
    fetch(f"{server.address}/data.bin", target, md5(DATA), None)
    assert target.read_bytes() == DATA


def test_wrong_file_is_deleted(server: Server, tmp_path: Path) -> None:
    server.files["data.bin"] = DATA[:-1] + b"x" if DATA[-1:] != b"x" else DATA[:-1] + b"y"
    target = tmp_path / "data.bin"
    with pytest.raises(UserError, match="not the official file"):
        fetch(f"{server.address}/data.bin", target, md5(DATA), None)
    assert list(tmp_path.iterdir()) == []


def test_damaged_file_in_place_is_replaced(server: Server, tmp_path: Path) -> None:
    target = tmp_path / "data.bin"
    target.write_bytes(DATA[:100])
    fetch(f"{server.address}/data.bin", target, md5(DATA), None)
    assert target.read_bytes() == DATA


def test_no_such_file_and_no_server(server: Server, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.bin: cannot be fetched .*Not Found"):
        fetch(f"{server.address}/none.bin", tmp_path / "none.bin", md5(DATA), None)
    with pytest.raises(UserError, match=rf"refused; .*{MIRROR}"):
        fetch("http://127.0.0.1:9/data.bin", tmp_path / "data.bin", md5(DATA), None)


def test_mirrors(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    official = "http://127.0.0.1:9/there/is/none/data.bin"
    monkeypatch.setenv(MIRROR, f"{server.address}/mirror/")
    fetch(official, tmp_path / "a" / "data.bin", md5(DATA), None)
    folder = tmp_path / "a folder"
    folder.mkdir()
    monkeypatch.setenv(MIRROR, str(folder))
    with pytest.raises(UserError, match="No such file"):
        fetch(official, tmp_path / "b" / "data.bin", md5(DATA), None)
    (folder / "data.bin").write_bytes(DATA)
    fetch(official, tmp_path / "b" / "data.bin", md5(DATA), None)
    assert (tmp_path / "b" / "data.bin").read_bytes() == DATA


def test_folders_that_cannot_be_read_or_written(server: Server, tmp_path: Path) -> None:
    """Permissions do not bind root, who runs the tests in containers; these cases bind everyone."""
    mirror = tmp_path / "mirror"
    (mirror / "data.bin").mkdir(parents=True)
    with pytest.raises(
        UserError, match=r"data\.bin: cannot be fetched from .*it is a folder, no file"
    ):
        fetch("http://127.0.0.1:9/data.bin", tmp_path / "a" / "data.bin", md5(DATA), str(mirror))
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="file"):
        fetch(f"{server.address}/data.bin", tmp_path / "file" / "data.bin", md5(DATA), None)


FETCH = """
import sys
from pathlib import Path
from taet.data.fetch import fetch
from taet.errors import UserError
try:
    fetch("http://127.0.0.1:9/data.bin", Path(sys.argv[1], "data.bin"), "0" * 32, sys.argv[2])
except UserError as error:
    sys.exit(f"one line: {error}")
"""


def test_mirror_that_may_not_be_read(tmp_path: Path) -> None:
    """In a process that rights do bind, even where the tests are root's."""
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    (mirror / "data.bin").write_bytes(DATA)
    command = [sys.executable, "-c", FETCH, str(tmp_path / "a"), str(mirror)]
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("needs setpriv to give up root's right to read everything")
        command = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", *command]
    for forbidden in (mirror / "data.bin", mirror):
        rights = forbidden.stat().st_mode
        forbidden.chmod(0)
        done = subprocess.run(command, capture_output=True, text=True)
        forbidden.chmod(rights)
        assert done.returncode == 1, done.stderr
        assert done.stderr.startswith("one line: data.bin: cannot be fetched from")
        assert "Permission denied" in done.stderr
        assert len(done.stderr.splitlines()) == 1


@pytest.fixture(params=["small file system", "limit of file sizes"])
def small_disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A folder that has no room for more than one MiB; the limit needs no right to mount."""
    small = tmp_path / "small"
    small.mkdir()
    if request.param == "limit of file sizes":
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, before[1]))
        yield small
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        return
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(small)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("needs the right to mount a small file system")
    yield small
    subprocess.run(["umount", str(small)], check=True)


NO_ROOM = "(No space left on device|File too large); make room"


def test_full_disk(server: Server, small_disk: Path) -> None:
    with pytest.raises(UserError, match=rf"data\.bin\.part: {NO_ROOM}"):
        fetch(f"{server.address}/data.bin", small_disk / "data.bin", md5(DATA), None)
    assert not (small_disk / "data.bin").exists()


@pytest.mark.parametrize(
    ("module", "cls", "classes"), [(cifar10, CIFAR10, 10), (cifar100, CIFAR100, 100)]
)
def test_cifar_from_a_server(
    module, cls, classes: int, server: Server, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, digits: blocks.Params,
) -> None:  # fmt: skip
    server.files[cls.filename] = small_cifar(cls, monkeypatch)
    monkeypatch.setattr(cls, "url", f"{server.address}/{cls.filename}")
    options = digits.datasets[module.__name__.rsplit(".", 1)[1]]
    image_set = module.obtain(tmp_path, options, None)
    assert image_set.images.shape[1:] == (32, 32, 3)
    assert len(image_set.class_names) == classes
    training = sum(1 for _ in cls.train_list) * classes * 2
    assert (image_set.official == TRAIN).sum() == training
    assert (image_set.official == TEST).sum() == classes * 2
    assert set(image_set.official[:training]) == {TRAIN}
    # Channels last: the red plane of an official row comes first.
    with (tmp_path / cls.base_folder / cls.train_list[0][0]).open("rb") as file:
        row = pickle.load(file)["data"][0]
    assert (image_set.images[0, :, :, 0].ravel() == row[:1024]).all()
    again = module.obtain(tmp_path, options, None)
    assert (again.images == image_set.images).all()
    assert len(server.requests) == 1


def test_cifar_files_that_were_damaged_or_swapped(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, digits: blocks.Params
) -> None:
    """A pickle that is not the official one is never opened."""
    server.files[CIFAR10.filename] = small_cifar(CIFAR10, monkeypatch)
    monkeypatch.setattr(CIFAR10, "url", f"{server.address}/{CIFAR10.filename}")
    options = digits.datasets["cifar10"]
    expected = cifar10.obtain(tmp_path, options, None)

    class Hostile:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "executed",))

    batch = tmp_path / CIFAR10.base_folder / "data_batch_3"
    for damage in (pickle.dumps(Hostile()), batch.read_bytes()[:-7], b""):
        batch.write_bytes(damage)
        again = cifar10.obtain(tmp_path, options, None)
        assert (again.images == expected.images).all()
    batch.unlink()
    (tmp_path / CIFAR10.filename).unlink()
    cifar10.obtain(tmp_path, options, None)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("mirror", ["://x", "nothing://x", "http://", "http://[x"])
def test_malformed_addresses(mirror: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"data\.bin: cannot be fetched from"):
        fetch("http://127.0.0.1:9/data.bin", tmp_path / "data.bin", md5(DATA), mirror)


def test_mirror_in_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "data.bin").write_bytes(DATA)
    monkeypatch.setenv("HOME", str(tmp_path))
    fetch("http://127.0.0.1:9/data.bin", tmp_path / "data.bin", md5(DATA), "~/files")
    assert (tmp_path / "data.bin").read_bytes() == DATA


def test_unpacked_folder_as_a_mirror(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, digits: blocks.Params
) -> None:
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    (mirror / CIFAR10.filename).write_bytes(small_cifar(CIFAR10, monkeypatch))
    unpack(mirror / CIFAR10.filename, CIFAR10.base_folder)
    (mirror / CIFAR10.filename).unlink()
    options, folder = digits.datasets["cifar10"], tmp_path / "a"
    folder.mkdir()
    image_set = cifar10.obtain(folder, options, str(mirror))
    assert len(image_set.images) > 0
    assert [p.name for p in folder.iterdir()] == [CIFAR10.base_folder]
    (mirror / CIFAR10.base_folder / "more").symlink_to("nothing")
    (mirror / CIFAR10.base_folder).chmod(0o555)
    (tmp_path / "c").mkdir()
    cifar10.obtain(tmp_path / "c", options, str(mirror))
    (mirror / CIFAR10.base_folder).chmod(0o755)
    (mirror / CIFAR10.base_folder / "data_batch_2").write_bytes(b"damaged")
    with pytest.raises(
        UserError, match=r"data_batch_2: not the official file \(MD5 .*; mend the mirror"
    ):
        cifar10.obtain(tmp_path / "b", options, str(mirror))


def test_folder_where_torchvision_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, digits: blocks.Params
) -> None:
    (tmp_path / CIFAR10.filename).write_bytes(small_cifar(CIFAR10, monkeypatch))
    unpack(tmp_path / CIFAR10.filename, CIFAR10.base_folder)
    (tmp_path / "cifar10").mkdir()
    image_set = cifar10.obtain(tmp_path / "cifar10", digits.datasets["cifar10"], "/there/is/none")
    assert len(image_set.images) > 0
    assert list((tmp_path / "cifar10").iterdir()) == []


def test_damaged_file_that_cannot_be_replaced_is_named(tmp_path: Path) -> None:
    (tmp_path / "data.bin").write_bytes(b"other")
    with pytest.raises(UserError, match=rf"data\.bin: not the official file \(MD5 {md5(b'other')}"):
        fetch("http://127.0.0.1:9/data.bin", tmp_path / "data.bin", md5(DATA), None)
    assert (tmp_path / "data.bin").read_bytes() == b"other"
    (tmp_path / "folder.bin").mkdir()
    with pytest.raises(UserError, match=r"folder\.bin: a folder is in the place of a file"):
        fetch("http://127.0.0.1:9/folder.bin", tmp_path / "folder.bin", md5(DATA), None)


def test_what_is_in_the_way_is_moved_aside(tmp_path: Path) -> None:
    """A folder of somebody's own, or a link to one, is not deleted."""
    own = tmp_path / "own"
    own.mkdir()
    (own / "work").write_text("mine")
    (tmp_path / ".unpacking-killed").mkdir()
    target = tmp_path / "raw" / "folder"
    target.parent.mkdir()
    target.symlink_to(own)
    (target.parent / ".unpacking-killed").mkdir()

    def fill(scratch: Path) -> None:
        (scratch / "folder").mkdir()
        (scratch / "folder" / "file").write_text("official")

    for _ in range(2):
        put_folder(target, fill)
        assert (target / "file").read_text() == "official"
        assert not target.is_symlink()
    names = sorted(p.name for p in target.parent.iterdir())
    assert names == ["folder", "folder.replaced-1", "folder.replaced-2"]
    assert (own / "work").read_text() == "mine"


def test_no_room_to_unpack(small_disk: Path) -> None:
    def fill(scratch: Path) -> None:
        (scratch / "folder").write_bytes(DATA)

    with pytest.raises(UserError, match=rf"folder: {NO_ROOM}"):
        put_folder(small_disk / "folder", fill)
    assert list(small_disk.iterdir()) == []


def test_no_room_for_the_copy_of_a_mirror(
    small_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, digits: blocks.Params
) -> None:
    monkeypatch.setattr("tests.contract.official.PER_BATCH", 2000)
    archive = tmp_path / "x" / CIFAR10.filename
    archive.parent.mkdir()
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit[1], limit[1]))
    archive.write_bytes(small_cifar(CIFAR10, monkeypatch))
    unpack(archive, CIFAR10.base_folder)
    archive.unlink()
    resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    with pytest.raises(UserError, match=rf"cifar-10-batches-py: {NO_ROOM}"):
        cifar10.obtain(small_disk, digits.datasets["cifar10"], str(archive.parent))
    assert list(small_disk.iterdir()) == []


def test_archive_that_leads_outside(tmp_path: Path) -> None:
    for name, link in (("../outside", None), ("x/../../outside", None), ("x/link", "/etc/passwd")):
        archive = tmp_path / "inner" / "a.tar"
        archive.parent.mkdir(exist_ok=True)
        with tarfile.open(archive, "w") as tar:
            info = tarfile.TarInfo(name)
            if link:
                info.type, info.linkname = tarfile.SYMTYPE, link
                tar.addfile(info)
            else:
                info.size = 1
                tar.addfile(info, io.BytesIO(b"x"))
        with pytest.raises(tarfile.FilterError):
            unpack(archive, "x")
        assert not (tmp_path / "outside").exists()
        assert sorted(p.name for p in archive.parent.iterdir()) == ["a.tar"]

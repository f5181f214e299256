"""Mirrors that are wrong, odd or hostile: one printable line, nothing left behind, nothing waited for."""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from torchvision.datasets import CIFAR10

from taet.data import transfer as transfers
from taet.data.fetch import MIRROR, fetch, unpack
from taet.datasets import cifar10
from taet.errors import UserError
from taet.study.params import blocks
from tests.contract.official import md5, serve, small_cifar

DATA = bytes(range(256)) * 40
URL = "http://127.0.0.1:9/data.bin"  # where nobody answers
ENDLESS = b"x" * (1 << 16)

# urllib leaves a redirection that it refuses to be closed when it is collected.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(autouse=True)
def no_mirror(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(MIRROR, raising=False)


@contextmanager
def answering(answer: Callable[[socket.socket, bytes], None]) -> Iterator[str]:
    """A server that says what it likes: ``answer`` gets the connection and the request."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve_all() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:  # closed
                return
            try:
                answer(connection, connection.recv(1 << 16))
            except OSError:  # the other side has had enough
                pass
            finally:
                connection.close()

    thread = threading.Thread(target=serve_all, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join()


def says(text: str, body: bytes = b"") -> Callable[[socket.socket, bytes], None]:
    return lambda connection, request: connection.sendall(
        text.replace("\n", "\r\n").encode("latin-1") + b"\r\n\r\n" + body
    )


def endless(text: str) -> Callable[[socket.socket, bytes], None]:
    def answer(connection: socket.socket, request: bytes) -> None:
        says(text)(connection, request)
        while True:
            connection.sendall(ENDLESS)

    return answer


def refused(target: Path, mirror: str | None, expected: str, max_bytes: int = 1 << 20) -> str:
    """The message of a transfer that fails; it is one line that can be printed, and no file is left."""
    with pytest.raises(UserError, match=expected) as caught:
        fetch(URL, target, md5(DATA), mirror, max_bytes)
    message = str(caught.value)
    assert message.isprintable(), message
    assert not target.exists()
    part = target.with_name(f"{target.name}.part")
    assert not part.exists() or part.stat().st_size <= max_bytes
    return message


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("HTTP/1.1 416 Range Not Satisfiable", "cannot be fetched from .*: 416 Range Not Satisfiable"),
        ("HTTP/1.1 500 \x1b[2J\x1b[31mall is well\x07", r"500  \[2J \[31mall is well;"),
        ("HTTP/1.1 404 " + "very " * 5000, "404 very"),
        ("\x1b[2Jnonsense", "nonsense"),
        ("", "cannot be fetched"),
        ("HTTP/1.1 204 No Content", "is not the official file"),
        ("HTTP/1.1 200 OK\nContent-Length: -5", "is not the official file"),
        ("HTTP/1.1 200 OK\nContent-Length: many", "is not the official file"),
        ("HTTP/1.1 200 OK\nContent-Length: 99999999999999999999", "is not the official file .it is larger than"),
        ("HTTP/1.1 200 OK\nContent-Length: 50000", "the connection broke off, 39760 bytes are missing"),
        ("HTTP/1.1 200 OK\nTransfer-Encoding: chunked", "cannot be fetched"),
        ("HTTP/1.1 200 OK\nContent-Encoding: gzip\nContent-Length: 6", "is not the official file"),
        ("HTTP/1.1 206 Partial Content\nContent-Range: bytes 5-9/10", "sent from byte 5 on, not from byte 0"),
        ("HTTP/1.1 302 Found\nLocation: file:///etc/passwd", "302 .*file:///etc/passwd' is not allowed"),
        ("HTTP/1.1 302 Found\nLocation: ftp://127.0.0.1/x", "unknown url type: ftp"),
        ("HTTP/1.1 302 Found\nLocation: data:,x", "is not allowed"),
        ("HTTP/1.1 302 Found\nLocation: http://[x", "cannot be fetched"),
        ("HTTP/1.1 302 Found\nLocation: http://127.0.0.1:99999/x", "cannot be fetched"),
        ("HTTP/1.1 302 Found\nLocation: /again", "infinite loop"),
        ("HTTP/1.1 302 Found\nLocation: \x1b[31m/x", "cannot be fetched"),
        ("HTTP/1.1 401 Unauthorized\nWWW-Authenticate: Basic", "401 Unauthorized"),
    ],
)  # fmt: skip
def test_odd_answers(answer: str, expected: str, tmp_path: Path) -> None:
    body = DATA if "Content-Length: 5" in answer else b"not it"
    with answering(says(answer, body)) as address:
        refused(tmp_path / "data.bin", address, expected)


@pytest.mark.parametrize("head", ["", "\nContent-Length: -1", "\nTransfer-Encoding: identity"])
def test_endless_data(head: str, tmp_path: Path) -> None:
    with answering(endless(f"HTTP/1.1 200 OK{head}")) as address:
        refused(tmp_path / "data.bin", address, "is larger than 1048576 bytes")
    assert list(tmp_path.iterdir()) == []


def test_more_than_is_missing(tmp_path: Path) -> None:
    (tmp_path / "data.bin.part").write_bytes(bytes(1 << 19))
    with answering(endless("HTTP/1.1 206 Partial Content")) as address:
        refused(tmp_path / "data.bin", address, "is larger than 1048576 bytes")
    assert list(tmp_path.iterdir()) == []


def test_part_that_is_too_long_begins_anew(tmp_path: Path) -> None:
    (tmp_path / "data.bin.part").write_bytes(bytes(1 << 21))
    with serve() as server:
        server.files["data.bin"] = DATA
        fetch(URL, tmp_path / "data.bin", md5(DATA), server.address, 1 << 20)
    assert server.requests == [None]
    assert (tmp_path / "data.bin").read_bytes() == DATA


def test_part_that_is_sent_from_elsewhere_begins_anew(tmp_path: Path) -> None:
    def answer(connection: socket.socket, request: bytes) -> None:
        if b"Range:" in request:
            says("HTTP/1.1 206 Partial Content\nContent-Range: bytes 7-9/10", b"xyz")(
                connection, request
            )
        else:
            says(f"HTTP/1.1 200 OK\nContent-Length: {len(DATA)}", DATA)(connection, request)

    (tmp_path / "data.bin.part").write_bytes(DATA[:100])
    with answering(answer) as address:
        refused(tmp_path / "data.bin", address, "sent from byte 7 on, not from byte 100; run the")
        fetch(URL, tmp_path / "data.bin", md5(DATA), address)
    assert (tmp_path / "data.bin").read_bytes() == DATA


def test_slow_drip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte now and then keeps a connection alive, and is no answer."""
    monkeypatch.setattr(transfers, "TIMEOUT", 0.2)

    def answer(connection: socket.socket, request: bytes) -> None:
        says("HTTP/1.1 200 OK\nContent-Length: 10240")(connection, request)
        while True:
            connection.sendall(b"x")
            time.sleep(0.02)

    start = time.monotonic()
    with answering(answer) as address:
        refused(tmp_path / "data.bin", address, "too slow")
    assert time.monotonic() - start < 5


@pytest.mark.parametrize(
    ("mirror", "expected"),
    [
        ("~nobody_there/x", r"^download\.mirror: ~nobody_there/x: there is no such home folder"),
        ("file://elsewhere/x", r"^download\.mirror: file://elsewhere/x: elsewhere is another machine"),
        ("file://~/x", "another machine"),
        ("ftp://127.0.0.1/x", "no address that begins with http"),
        ("http:///x", "no address that begins with http"),
        ("http://127.0.0.1:99999", "cannot be fetched"),
        ("http://127.0.0.1:port", "cannot be fetched"),
        ("http://[::1", "cannot be fetched"),
        ("http://user:word@127.0.0.1:9", "names and passwords are not sent"),
        ("http://" + "x" * 70 + ".example", "cannot be fetched"),
        ("http://127.0.0.1:9/\x1b[31m\nx", "cannot be fetched"),
        ("https://127.0.0.1:9", "refused"),
        ("/" + "x" * 300, "File name too long"),
        ("a\0b", "null byte"),
    ],
)  # fmt: skip
def test_odd_mirrors(mirror: str, expected: str, tmp_path: Path) -> None:
    refused(tmp_path / "data.bin", mirror, expected)


def test_home_that_nobody_has_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(MIRROR, "~nobody_there")
    refused(tmp_path / "data.bin", None, f"^{MIRROR}: ~nobody_there")


@pytest.mark.parametrize(
    "mirror", ["{}/a/", "{}/\u00e4 b", "{}/x?token=1&u=\u00e9", "{}/a%20b#part"]
)
def test_addresses_of_every_form(mirror: str, tmp_path: Path) -> None:
    seen = []

    def answer(connection: socket.socket, request: bytes) -> None:
        seen.append(request.split(b"\r\n")[0].decode("ascii"))
        says(f"HTTP/1.1 200 OK\nContent-Length: {len(DATA)}", DATA)(connection, request)

    with answering(answer) as address:
        fetch(URL, tmp_path / "data.bin", md5(DATA), mirror.format(address))
    wanted = {
        "{}/a/": "/a/data.bin",
        "{}/\u00e4 b": "/%C3%A4%20b/data.bin",
        "{}/x?token=1&u=\u00e9": "/x/data.bin?token=1&u=%C3%A9",
        "{}/a%20b#part": "/a%20b/data.bin",
    }
    assert seen == [f"GET {wanted[mirror]} HTTP/1.1"]


@pytest.mark.parametrize("host", ["", "localhost"])
def test_folder_as_an_address(host: str, tmp_path: Path) -> None:
    folder = tmp_path / "a folder"
    folder.mkdir()
    (folder / "data.bin").write_bytes(DATA)
    fetch(URL, tmp_path / "data.bin", md5(DATA), f"file://{host}{tmp_path}/a%20folder")
    assert (tmp_path / "data.bin").read_bytes() == DATA


def test_what_is_no_file_in_a_mirror(tmp_path: Path) -> None:
    """A pipe would wait for a writer, a device would never end, a sparse file would fill the disk."""
    mirror, target = tmp_path / "mirror", tmp_path / "a" / "data.bin"
    mirror.mkdir()
    source = mirror / "data.bin"
    os.mkfifo(source)
    refused(target, str(mirror), "data.bin: cannot be fetched from .*: it is a pipe, no file; put")
    for odd in ("/dev/zero", "/dev/null", "data.bin"):
        source.unlink()
        source.symlink_to(odd)
        refused(target, str(mirror), "it is a device, no file|symbolic link")
    source.unlink()
    with source.open("wb") as file:
        file.truncate(1 << 40)
    message = refused(target, str(mirror), r"data\.bin: not the official file \(it is larger")
    assert "replace it there" in message


def test_wrong_file_in_a_folder_is_named(tmp_path: Path) -> None:
    """To run the same command again would give the same."""
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / "data.bin").write_bytes(b"other")
    message = refused(
        tmp_path / "data.bin", str(tmp_path / "mirror"),
        rf"^{tmp_path}/mirror/data\.bin: not the official file \(MD5 {md5(b'other')}, must be {md5(DATA)}\); "
        "replace it there",
    )  # fmt: skip
    assert "same command" not in message


def test_part_that_is_no_file(tmp_path: Path) -> None:
    part = tmp_path / "data.bin.part"
    os.mkfifo(part)
    with pytest.raises(UserError, match=r"data\.bin\.part: a pipe is in the place of a file"):
        fetch(URL, tmp_path / "data.bin", md5(DATA), None)


def test_damaged_file_of_an_unpacked_set_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, digits: blocks.Params
) -> None:
    """Though nothing can be fetched."""
    archive = tmp_path / CIFAR10.filename
    archive.write_bytes(small_cifar(CIFAR10, monkeypatch))
    unpack(archive, CIFAR10.base_folder)
    archive.unlink()
    monkeypatch.setattr(CIFAR10, "url", f"http://127.0.0.1:9/{CIFAR10.filename}")
    batch = tmp_path / CIFAR10.base_folder / "data_batch_4"
    options = digits.datasets["cifar10"]
    batch.write_bytes(b"damaged")
    with pytest.raises(UserError, match=r"data_batch_4: not the official file .*cannot be fetched"):
        cifar10.obtain(tmp_path, options, None)
    batch.unlink()
    with pytest.raises(UserError, match=r"data_batch_4: missing.*cannot be fetched"):
        cifar10.obtain(tmp_path, options, None)
    os.mkfifo(batch)
    with pytest.raises(UserError, match=r"data_batch_4: missing, or no regular file"):
        cifar10.obtain(tmp_path, options, None)


def test_a_head_that_drips_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfers, "TIMEOUT", 1)

    def drip(connection: socket.socket, request: bytes) -> None:
        for byte in b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200:
            connection.sendall(bytes([byte]))
            time.sleep(0.05)

    began = time.monotonic()
    with answering(drip) as mirror, pytest.raises(UserError, match="no answer in 1 seconds"):
        fetch(URL, tmp_path / "data.bin", md5(DATA), mirror)
    assert time.monotonic() - began < 5


def test_names_and_passwords_are_neither_sent_nor_printed(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"names and passwords are not sent") as caught:
        fetch(URL, tmp_path / "data.bin", md5(DATA), "http://ada:secret@example.org/data")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("mirror", ["ftp://x", "FILE:///nope", "http://[::1", "http://h:abc/"])
def test_what_can_never_work_is_not_to_be_repeated(tmp_path: Path, mirror: str) -> None:
    with pytest.raises(UserError) as caught:
        fetch(URL, tmp_path / "data.bin", md5(DATA), mirror)
    assert "run the same command again" not in str(caught.value)


def test_a_file_address_without_a_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="names no folder"):
        fetch(URL, tmp_path / "data.bin", md5(DATA), "file://")

"""Bytes of one file, from a folder or over HTTP: resumed, bounded, and without trust in who sends them."""

import http.client
import os
import re
import socket
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from taet.errors import UserError
from taet.study.run.progress import Progress
from taet.study.store.artifacts import no_file

MIRROR = "TAET_DATA_MIRROR"
CHUNK, UNIT = 1 << 20, 1 << 10  # bytes, of a read and of the progress bar
TIMEOUT = 60  # seconds without an answer
SLOWEST = 1 << 10  # bytes per second, over as many seconds; less is no answer
FAILURES = (OSError, ValueError, OverflowError, http.client.HTTPException)
SAFE = "/%!$&'()*+,;=:@~?"  # what an address may have as it is


class TooLargeError(Exception):
    """There is more than the official file has."""


def mirror_folder(mirror: str | None) -> Path | None:
    """The mirror in use, where it is a folder of this machine.

    Raises:
        UserError: it is in a home folder that does not exist, or a ``file://`` address of another machine.
    """
    place = _mirror(mirror)
    if place is not None and place.startswith("file://"):
        host, slash, path = place.removeprefix("file://").partition("/")
        if host not in ("", "localhost"):
            raise _no_place(place, f"{host} is another machine; write file:///FOLDER")
        if not path:
            raise _no_place(place, "names no folder; write file:///FOLDER")
        place = urllib.request.url2pathname(slash + path)
    if place is None or "://" in place:
        return None
    try:
        return Path(place).expanduser()
    except RuntimeError:  # ~nobody_there
        raise _no_place(place, "there is no such home folder; write the whole path") from None


def source_of(url: str, mirror: str | None) -> str | Path:
    """Where the file of an official address comes from: an address, or a path."""
    name = urllib.parse.urlsplit(url).path.rsplit("/", 1)[1]
    if folder := mirror_folder(mirror):
        return folder / name
    place = _mirror(mirror)
    if place is None:
        return url
    if "@" in place.partition("://")[2].partition("/")[0]:
        shown = re.sub("//[^/]*@", "//...@", place)
        raise _no_place(
            shown, "names and passwords are not sent; fetch the file yourself, or leave them out"
        )
    place, mark, query = place.partition("#")[0].partition("?")
    return f"{place.rstrip('/')}/{name}{mark}{query}"


def transfer(source: str | Path, part: Path, most: int) -> None:
    """Append to ``part`` what is still missing of ``source``.

    Args:
        source: of ``source_of``.
        part: what has arrived so far; it may be missing.
        most: bytes that the file has at most.

    Raises:
        TooLargeError: there are more.
        Exception: one of ``FAILURES``.
    """
    if isinstance(source, Path):
        _from_file(source, part, most)
    else:
        _from_address(source, part, most)


def reason(error: Exception) -> str:
    """Why a transfer failed. A server's words may be anything: what cannot be printed is left out."""
    if isinstance(error, http.client.IncompleteRead):
        missing = "" if error.expected is None else f", {error.expected} bytes are missing"
        return f"the connection broke off{missing}"
    text = str(getattr(error, "reason", None) or getattr(error, "strerror", None) or error)
    if isinstance(error, urllib.error.HTTPError):
        text = f"{error.code} {text}"
    return printable(text[:300]) or type(error).__name__


def can_pass(error: Exception, source: str | Path) -> bool:
    """Whether the same transfer may succeed another time: no wrong address, and no file that is not there."""
    if isinstance(error, urllib.error.HTTPError) and 400 <= error.code < 500:
        return False
    return isinstance(source, str) and not isinstance(error, ValueError | http.client.InvalidURL)


def printable(text: str) -> str:
    """In one line, without control characters."""
    return "".join(c if c.isprintable() else " " for c in text).strip()


def _mirror(mirror: str | None) -> str | None:
    return (os.environ.get(MIRROR) or mirror or "").strip() or None


def _no_place(place: str, problem: str) -> UserError:
    said_by = MIRROR if os.environ.get(MIRROR) else "download.mirror"
    return UserError(f"{said_by}: {printable(place)}: {problem}")


def _from_file(source: Path, part: Path, most: int) -> None:
    if kind := no_file(source):  # a pipe would wait, a device would never end
        raise ValueError(f"it is {kind}, no file")
    with source.open("rb") as stream:
        _copy(stream, part, 0, source.stat().st_size, most)


def _from_address(source: str, part: Path, most: int) -> None:
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(
        _ascii(source), headers={"Range": f"bytes={have}-"} if have else {}
    )
    try:
        answer = _opener().open(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code != 416 or not have:  # nothing is missing
            raise
        return
    with answer:
        start = _first_byte(answer, have)
        if start not in (0, have):
            part.unlink(missing_ok=True)
            raise ConnectionError(f"it was sent from byte {start} on, not from byte {have}")
        # Not the header: http.client takes no length that is negative or no number.
        total = None if answer.length is None else start + answer.length
        _copy(answer, part, start, total, most)


class _Bounded:
    """A connection that gives the head of an answer ``TIMEOUT`` seconds, however slowly it drips."""

    def getresponse(self) -> http.client.HTTPResponse:
        late = threading.Event()
        timer = threading.Timer(TIMEOUT, _hang_up, [self.sock, late])  # type: ignore[attr-defined]
        timer.start()
        try:
            answer: http.client.HTTPResponse = super().getresponse()  # type: ignore[misc]
            return answer
        finally:
            timer.cancel()
            if late.is_set():  # what http.client takes for the end of the head
                raise TimeoutError(f"no answer in {TIMEOUT} seconds")


def _hang_up(sock: socket.socket, late: threading.Event) -> None:
    late.set()
    with suppress(OSError):  # it is closed already
        sock.shutdown(socket.SHUT_RDWR)


class _Connection(_Bounded, http.client.HTTPConnection):
    pass


class _SafeConnection(_Bounded, http.client.HTTPSConnection):
    pass


class _Handler(urllib.request.HTTPHandler):
    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_Connection, request)


class _SafeHandler(urllib.request.HTTPSHandler):
    def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_SafeConnection, request)


def _opener() -> urllib.request.OpenerDirector:
    """Opens HTTP and HTTPS, and follows redirections to these alone: no local file, no FTP."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        _Handler,
        _SafeHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPRedirectHandler,
        urllib.request.HTTPErrorProcessor,
        urllib.request.UnknownHandler,
    ):
        opener.add_handler(handler())
    return opener


def _ascii(address: str) -> str:
    """An address with its letters of other alphabets, and its spaces, as HTTP writes them."""
    parts = urllib.parse.urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("no address that begins with http:// or https:// and a host")
    host = parts.netloc if parts.netloc.isascii() else parts.netloc.encode("idna").decode()
    path, query = (urllib.parse.quote(text, SAFE) for text in (parts.path, parts.query))
    return urllib.parse.urlunsplit((parts.scheme, host, path, query, ""))


def _first_byte(answer: http.client.HTTPResponse, asked: int) -> int:
    if answer.status != 206:
        return 0
    found = re.match(r"bytes (\d{1,18})-", answer.headers.get("Content-Range", ""))
    return int(found[1]) if found else asked


def _copy(stream: BinaryIO, part: Path, start: int, total: int | None, most: int) -> None:
    if total is not None and total > most:
        raise TooLargeError
    end = most + 1 if total is None else total  # one byte too many tells
    done, since, then = start, time.monotonic(), start
    with (
        part.open("ab" if start else "wb") as file,
        Progress(part.stem, (total or 0) // UNIT, "KiB", done=start // UNIT) as progress,
    ):
        while done < end and (data := stream.read1(min(CHUNK, end - done))):  # type: ignore[attr-defined]
            file.write(data)
            done += len(data)
            progress.step(done // UNIT - progress.done)
            if time.monotonic() - since > TIMEOUT:
                if done - then < SLOWEST * TIMEOUT:
                    raise TimeoutError(f"too slow, {done - then} bytes in {TIMEOUT} seconds")
                since, then = time.monotonic(), done
    if done > most:
        raise TooLargeError
    if total is not None and done < total:
        raise http.client.IncompleteRead(b"", total - done)

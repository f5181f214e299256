"""Transfer of one file, from a folder or over HTTP: resumable, bounded, and without trust in the sender."""

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
from taet.study.store.artifacts import kind_if_not_file

MIRROR = "TAET_DATA_MIRROR"
CHUNK, UNIT = 1 << 20, 1 << 10  # bytes, of a read and of the progress bar
TIMEOUT = 60  # seconds without an answer
SLOWEST = 1 << 10  # bytes per second over TIMEOUT seconds; less counts as no answer
FAILURES = (OSError, ValueError, OverflowError, http.client.HTTPException)
SAFE = "/%!$&'()*+,;=:@~?"  # characters that an address may contain unquoted


class TooLargeError(Exception):
    """The source has more bytes than the official file."""


def mirror_folder(mirror: str | None) -> Path | None:
    """The mirror in use, if it is a folder of this machine; None if it is an address, or there is none.

    Raises:
        UserError: it is in a home folder that does not exist, or a ``file://`` address of another machine.
    """
    used = _mirror_in_use(mirror)
    if used is not None and used.startswith("file://"):
        host, slash, path = used.removeprefix("file://").partition("/")
        if host not in ("", "localhost"):
            raise _unusable_mirror(used, f"{host} is another machine; write file:///FOLDER")
        if not path:
            raise _unusable_mirror(used, "names no folder; write file:///FOLDER")
        used = urllib.request.url2pathname(slash + path)
    if used is None or "://" in used:
        return None
    try:
        return Path(used).expanduser()
    except RuntimeError:  # ~no_such_user
        raise _unusable_mirror(used, "there is no such home folder; write the whole path") from None


def source_of(url: str, mirror: str | None) -> str | Path:
    """The source of an official address's file: an address, or a path in a mirror's folder."""
    name = urllib.parse.urlsplit(url).path.rsplit("/", 1)[1]
    if folder := mirror_folder(mirror):
        return folder / name
    used = _mirror_in_use(mirror)
    if used is None:
        return url
    if "@" in used.partition("://")[2].partition("/")[0]:
        without_password = re.sub("//[^/]*@", "//...@", used)
        raise _unusable_mirror(
            without_password,
            "names and passwords are not sent; fetch the file yourself, or leave them out",
        )
    base, mark, query = used.partition("#")[0].partition("?")
    return f"{base.rstrip('/')}/{name}{mark}{query}"


def transfer(source: str | Path, part: Path, max_bytes: int) -> None:
    """Append to ``part`` the bytes of ``source`` that it still lacks.

    Args:
        source: of ``source_of``.
        part: the bytes received so far; it may be missing.
        max_bytes: largest size of the file.

    Raises:
        TooLargeError: the file is larger.
        Exception: one of ``FAILURES``.
    """
    if isinstance(source, Path):
        _from_file(source, part, max_bytes)
    else:
        _from_address(source, part, max_bytes)


def reason(error: Exception) -> str:
    """Why a transfer failed. A server may send any text: characters that cannot be printed are left out."""
    if isinstance(error, http.client.IncompleteRead):
        missing = "" if error.expected is None else f", {error.expected} bytes are missing"
        return f"the connection broke off{missing}"
    text = str(getattr(error, "reason", None) or getattr(error, "strerror", None) or error)
    if isinstance(error, urllib.error.HTTPError):
        text = f"{error.code} {text}"
    return printable(text[:300]) or type(error).__name__


def may_succeed_later(error: Exception, source: str | Path) -> bool:
    """Whether the same transfer may succeed another time: not with a wrong address or a missing file."""
    if isinstance(error, urllib.error.HTTPError) and 400 <= error.code < 500:
        return False
    return isinstance(source, str) and not isinstance(error, ValueError | http.client.InvalidURL)


def printable(text: str) -> str:
    """A text in one line, without control characters."""
    return "".join(c if c.isprintable() else " " for c in text).strip()


def _mirror_in_use(mirror: str | None) -> str | None:
    return (os.environ.get(MIRROR) or mirror or "").strip() or None


def _unusable_mirror(mirror: str, problem: str) -> UserError:
    setting = MIRROR if os.environ.get(MIRROR) else "download.mirror"
    return UserError(f"{setting}: {printable(mirror)}: {problem}")


def _from_file(source: Path, part: Path, max_bytes: int) -> None:
    if kind := kind_if_not_file(
        source
    ):  # reading a pipe could wait for ever, and a device never end
        raise ValueError(f"it is {kind}, no file")
    with source.open("rb") as stream:
        _copy(stream, part, 0, source.stat().st_size, max_bytes)


def _from_address(source: str, part: Path, max_bytes: int) -> None:
    received = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(
        _ascii(source), headers={"Range": f"bytes={received}-"} if received else {}
    )
    try:
        answer = _opener().open(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code != 416 or not received:  # 416: no bytes are left to send
            raise
        return
    with answer:
        start = _first_byte(answer, received)
        if start not in (0, received):
            part.unlink(missing_ok=True)
            raise ConnectionError(f"it was sent from byte {start} on, not from byte {received}")
        # Not from the header: http.client has rejected lengths that are negative or not a number.
        total = None if answer.length is None else start + answer.length
        _copy(answer, part, start, total, max_bytes)


class _Bounded:
    """A connection that waits at most ``TIMEOUT`` seconds for the head of an answer, even if bytes arrive."""

    def getresponse(self) -> http.client.HTTPResponse:
        late = threading.Event()
        timer = threading.Timer(TIMEOUT, _hang_up, [self.sock, late])  # type: ignore[attr-defined]
        timer.start()
        try:
            answer: http.client.HTTPResponse = super().getresponse()  # type: ignore[misc]
            return answer
        finally:
            timer.cancel()
            if late.is_set():  # which http.client takes for the end of the head
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
    """An address whose non-ASCII letters and spaces are quoted for HTTP."""
    parts = urllib.parse.urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("no address that begins with http:// or https:// and a host")
    host = parts.netloc if parts.netloc.isascii() else parts.netloc.encode("idna").decode()
    path, query = (urllib.parse.quote(text, SAFE) for text in (parts.path, parts.query))
    return urllib.parse.urlunsplit((parts.scheme, host, path, query, ""))


def _first_byte(answer: http.client.HTTPResponse, asked: int) -> int:
    if answer.status != 206:
        return 0
    sent = re.match(r"bytes (\d{1,18})-", answer.headers.get("Content-Range", ""))
    return int(sent[1]) if sent else asked


def _copy(stream: BinaryIO, part: Path, start: int, total: int | None, max_bytes: int) -> None:
    if total is not None and total > max_bytes:
        raise TooLargeError
    end = max_bytes + 1 if total is None else total  # one more byte shows that there are too many
    done, checked_at, checked_bytes = start, time.monotonic(), start
    with (
        part.open("ab" if start else "wb") as file,
        Progress(part.stem, (total or 0) // UNIT, "KiB", done=start // UNIT) as progress,
    ):
        while done < end and (data := stream.read1(min(CHUNK, end - done))):  # type: ignore[attr-defined]
            file.write(data)
            done += len(data)
            progress.step(done // UNIT - progress.done)
            if time.monotonic() - checked_at > TIMEOUT:
                if done - checked_bytes < SLOWEST * TIMEOUT:
                    raise TimeoutError(
                        f"too slow, {done - checked_bytes} bytes in {TIMEOUT} seconds"
                    )
                checked_at, checked_bytes = time.monotonic(), done
    if done > max_bytes:
        raise TooLargeError
    if total is not None and done < total:
        raise http.client.IncompleteRead(b"", total - done)

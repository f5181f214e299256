"""Artifacts: files that say what made them, are never half-written, and notice damage.

Arrays are stored in safetensors files: readable without executing anything and without torch. Their
header carries one JSON text under the name ``taet``: the *key* of what made the artifact (study/plan/job.py),
a digest of the contents, and further facts of the stage. Bytes depend on contents alone; clock times and
facts about the machine go into a record beside the artifact (study/store/records.py).

Text for people (CSV, tables, figures) cannot carry a key, so a folder of such files has a
``manifest.json`` with the key and a digest of each file.
"""

import errno
import glob
import hashlib
import json
import os
import secrets
import shutil
import stat
import struct
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from taet.errors import UserError

FORMAT = 2  # of the files, part of every key; raise it when they are written otherwise
MANIFEST = "manifest.json"
MAX_HEADER = 100_000_000  # bytes
KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)

Arrays = Mapping[str, "np.ndarray[Any, Any]"]


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file completely or not at all, even if the power fails in the middle."""
    with _replacing(path) as temporary:
        temporary.write_bytes(data)


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A temporary file to write to; it replaces ``path`` at the end.

    It has a folder of its own beside ``path``: a killed safetensors leaves a file of a random name beside the
    one that it writes.
    """
    folder = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    temporary = folder / path.name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir()
        # Created as any file is, with the rights of the user's umask; safetensors sets others.
        temporary.open("xb").close()
        rights = stat.S_IMODE(temporary.stat().st_mode)
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.chmod(rights)
        temporary.replace(path)
    except OSError as error:  # name the file that was wanted, not the temporary one
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_leftovers(path: Path) -> None:
    """Remove the temporary files of killed processes that were writing ``path``.

    No other process may be writing it.
    """
    for part in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        shutil.rmtree(part)


def read_bytes(path: Path) -> bytes:
    """Contents of a file.

    Raises:
        OSError: it cannot be read, or is a pipe or a device, of which the first would wait for a writer.
    """
    check_regular(path)
    return path.read_bytes()


def check_regular(path: Path) -> None:
    """Refuse what is no regular file, without opening it.

    Raises:
        OSError: it is a pipe, a socket, a device or a folder, or does not exist.
    """
    if kind := kind_if_not_file(path):
        raise OSError(errno.EINVAL, f"it is {kind}, no file; remove it", str(path))


def kind_if_not_file(path: Path, *, follow_links: bool = True) -> str | None:
    """What is at a path instead of a regular file, such as ``a pipe``; None for a regular file.

    Raises:
        OSError: it does not exist.
    """
    mode = path.stat(follow_symlinks=follow_links).st_mode
    if stat.S_ISREG(mode):
        return None
    return next((kind for is_kind, kind in KINDS if is_kind(mode)), "something else")


def check_writable(folder: Path) -> None:
    """Find out before the work, not after it, whether results can be stored.

    Raises:
        OSError: the folder cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(folder)) from error


def write_json(path: Path, value: Any) -> None:
    """Write JSON with sorted keys, completely or not at all."""
    write_bytes(path, json_bytes(value))


def json_bytes(value: Any) -> bytes:
    """JSON with sorted keys, as a file has it."""
    return (json.dumps(value, indent=1, sort_keys=True) + "\n").encode()


def digest(arrays: Arrays, facts: Mapping[str, Any]) -> str:
    """Hash of facts, and of names, types, shapes and values of arrays."""
    total = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        total.update(f"{name} {array.dtype.str} {array.shape};".encode())
        total.update(array.data if array.size else b"")  # the memory itself: no copy
    return total.hexdigest()


def write_arrays(path: Path, arrays: Arrays, key: str, **facts: Any) -> None:
    """Write named arrays with the key of what made them and further facts (JSON values).

    Raises:
        UserError: the disk is full or broken.
    """
    header = {"format": FORMAT, "key": key, **facts}
    text = json.dumps({**header, "digest": digest(arrays, header)}, sort_keys=True)
    contiguous = {name: np.require(array, requirements="C") for name, array in arrays.items()}
    try:
        with _replacing(path) as temporary:
            safetensors.numpy.save_file(contiguous, temporary, metadata={"taet": text})
    except SafetensorError as error:  # what it raises on a full disk
        raise UserError(f"{path}: cannot be written: {error}; check the free space") from None


def read_arrays(path: Path, key: str | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Arrays and facts of an artifact, after checking that it is whole and the expected one.

    Args:
        path: the file.
        key: the key it must have; None accepts any.

    Raises:
        UserError: missing, damaged, or made with other parameters, code or data.
    """
    facts = read_facts(path)
    with _reading(path):
        arrays = safetensors.numpy.load_file(path)
    if digest(arrays, {k: v for k, v in facts.items() if k != "digest"}) != facts.get("digest"):
        raise damaged(path, "its contents do not match its digest")
    if key is not None and facts["key"] != key:
        raise stale(path)
    return arrays, facts


def read_facts(path: Path) -> dict[str, Any]:
    """Facts of an artifact from its header (fast; of the contents only the length is checked).

    Raises:
        UserError: missing, cut off, or not an artifact.
    """
    with _reading(path):
        check_regular(path)
        with path.open("rb") as file:
            size = struct.unpack("<Q", file.read(8))[0]
            if size > MAX_HEADER:
                raise ValueError("no artifact header")
            header = json.loads(file.read(size))
        facts: dict[str, Any] = json.loads(header.pop("__metadata__")["taet"])
        _check_format(facts)
        end = 8 + size + max((array["data_offsets"][1] for array in header.values()), default=0)
        if path.stat().st_size != end:
            raise ValueError(f"{path.stat().st_size} bytes long, should be {end}")
    return facts


def by_name(files: Iterable[Path]) -> dict[str, Path]:
    """The files of a folder by their names, compressed ones by those that they had before."""
    return {file.name.removesuffix(".xz"): file for file in files}


def write_files(
    manifest: Path, key: str, planned: Iterable[Path], contents: Mapping[str, bytes]
) -> None:
    """Write all files of a folder, then its manifest.

    Args:
        manifest: where it is written.
        key: of the job.
        planned: the files that the job names, in any order.
        contents: of each, by name.

    Raises:
        ValueError: the job names other files.
    """
    if other := contents.keys() ^ by_name(planned).keys():
        raise ValueError(
            f"{manifest}: planned and written files differ in {', '.join(sorted(other))}"
        )
    for name, data in contents.items():
        write_bytes(manifest.parent / name, data)
    write_manifest(manifest.parent, key, list(contents))


def write_manifest(folder: Path, key: str, files: list[str]) -> None:
    """Write the manifest of a folder: the key that made its files, and a digest of each."""
    digests = {name: file_sha256(folder / name) for name in sorted(files)}
    write_json(folder / MANIFEST, {"format": FORMAT, "key": key, "files": digests})


def read_manifest(path: Path) -> dict[str, Any]:
    """A manifest.

    Raises:
        UserError: missing or damaged.
    """
    with _reading(path):
        manifest: dict[str, Any] = json.loads(read_bytes(path))
        _check_format(manifest)
        if not isinstance(manifest["files"], dict):
            raise ValueError("its files are no mapping")
    return manifest


def verify_manifest(path: Path, key: str, files: Iterable[Path]) -> None:
    """Check that a folder's files are whole and made by ``key``.

    Args:
        path: the manifest.
        key: the key that it must have.
        files: the files that it must list, all of them and no other.

    Raises:
        UserError: a file is missing or damaged, or the folder was made by something else.
    """
    manifest = read_manifest(path)
    if manifest["key"] != key:
        raise stale(path)
    expected_names = {file.name for file in files}
    listed = manifest["files"].keys()
    for names, problem in (
        (expected_names - listed, "does not list"),
        (listed - expected_names, "lists"),
    ):
        if names:
            raise damaged(path, f"it {problem} {min(names)}")
    for name, expected in manifest["files"].items():
        file = path.parent / name
        if not file.is_file() or file_sha256(file) != expected:
            raise damaged(file, f"it is not what {path.name} describes")


def read_key(path: Path) -> str:
    """Key of an artifact or of a manifest, from its header alone."""
    facts = read_manifest(path) if path.name == MANIFEST else read_facts(path)
    return str(facts["key"])


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn any error of reading a file into one line that says what to do."""
    try:
        yield
    except FileNotFoundError:
        hint = f"make it first, for example with: snakemake {path}"
        raise UserError(f"{path}: no such file; {hint}") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    except (
        *(ValueError, KeyError, TypeError, AttributeError),
        *(struct.error, RecursionError, SafetensorError),
    ) as error:
        raise damaged(path, str(error)) from None


def _check_format(facts: dict[str, Any]) -> None:
    if facts["format"] != FORMAT:
        raise ValueError(f"format {facts['format']!r}, this version reads {FORMAT}")
    if not isinstance(facts["key"], str):
        raise ValueError("its key is no text")


def damaged(path: Path, why: str) -> UserError:
    """The error for a file whose contents are not what was written."""
    return UserError(
        f"{path}: damaged ({why}); delete it and remake it, for example with: snakemake {path}"
    )


def stale(path: Path) -> UserError:
    """The error for an artifact with another key than it should have."""
    return UserError(
        f"{path}: was made with other parameters, code or data than now; delete it and remake it, for "
        f"example with: snakemake {path}"
    )


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's contents."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

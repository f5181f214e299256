"""Files that were made to do harm, in the places where our own lie, and what is said of them.

Each pretends to be an artifact, and would leave a mark if anything in it were run or followed.
"""

import contextlib
import io
import json
import os
import pickle
import shutil
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tests.faults.refusals import Refusal, refuse

MARK = "hacked"
PLACE = ["--dataset", "digits", "--ir", "10", "--seed", "0"]
NETWORK = [*PLACE, "--architecture", "small_cnn", "--method", "pgd_at"]
CELL = "digits/ir10/small_cnn"

# Arrays that our stages write, and the command that reads them.
ARRAYS = {
    "data/raw/digits/images.safetensors": ["subsample", *PLACE],
    "data/longtail/tiny/digits/ir10/seed0.safetensors": ["equalize", *NETWORK],
    f"results/tiny/equalize/{CELL}/pgd_at/seed0.safetensors": ["attack", *NETWORK, "--checkpoint", "last", "--job", "gradient"],
    f"results/tiny/attack/{CELL}/pgd_at/seed0/last/gradient.safetensors": ["score"],
}  # fmt: skip
TEXTS = {
    "results/tiny/score/manifest.json": ["tables"],
    "results/tiny/inspect/manifest.json": ["figures"],
    f"results/tiny/equalize/{CELL}/pgd_at/seed0.record.json": ["verify", "equalize"],
}
DEEP = 100_000


class Harm:
    """Leaves a mark when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {MARK}",)


def _pickled(path: Path) -> bytes:
    return pickle.dumps(Harm())


def _torch_checkpoint(path: Path) -> bytes:
    buffer = io.BytesIO()
    torch.save({"model": Harm()}, buffer)
    return buffer.getvalue()


def _object_array(path: Path) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, images=np.array([Harm()], dtype=object))
    return buffer.getvalue()


def _archive_that_leads_outside(path: Path) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, kind, target in (
            (f"../../../{MARK}", tarfile.REGTYPE, ""),
            ("link", tarfile.SYMTYPE, "/"),
            ("hard", tarfile.LNKTYPE, "../../../params.yaml"),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, target
            tar.addfile(member)
    return buffer.getvalue()


def _bomb(path: Path) -> bytes:
    """64 MiB of zeros in 64 KiB."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images.npy", bytes(64 << 20))
    return buffer.getvalue()


def _header(**changes: Any) -> Callable[[Path], bytes]:
    """An artifact of ours with another header, of the right length and with all its arrays."""

    def made(path: Path) -> bytes:
        data = path.read_bytes()
        size = struct.unpack("<Q", data[:8])[0]
        header = json.loads(data[8 : 8 + size])
        first = next(name for name in header if name != "__metadata__")
        for key, value in changes.items():
            if key == "facts":
                facts = json.loads(header["__metadata__"]["taet"])
                header["__metadata__"]["taet"] = (
                    value if isinstance(value, str) else json.dumps(facts | value)
                )
            elif key == "metadata":
                header["__metadata__"] = value
            else:
                header[first][key] = value
        text = json.dumps(header).encode()
        return struct.pack("<Q", len(text)) + text + data[8 + size :]

    return made


def _text(content: bytes) -> Callable[[Path], bytes]:
    return lambda path: content


def _claims(size: int) -> Callable[[Path], bytes]:
    return lambda path: struct.pack("<Q", size) + path.read_bytes()[8:]


ANYWHERE: dict[str, Callable[[Path], bytes]] = {
    "a pickle": _pickled,
    "a checkpoint of torch, which is a pickle": _torch_checkpoint,
    "an archive of NumPy with a pickle": _object_array,
    "a tar that leads outside": _archive_that_leads_outside,
    "a compressed bomb": _bomb,
    "a shell script": _text(f"#!/bin/sh\ntouch {MARK}\n".encode()),
    "nothing": _text(b""),
    "brackets, 100,000 deep": _text(b"[" * DEEP),
}
ARRAYS_ONLY: dict[str, Callable[[Path], bytes]] = {
    "a header of 2^63 bytes": _claims(2**63),
    "a header longer than the file": _claims(50_000_000),
    "brackets in the header": _text(struct.pack("<Q", DEEP) + b"[" * DEEP),
    "an array before the file's begin": _header(data_offsets=[-8, 0]),
    "an array beyond the file's end": _header(data_offsets=[0, 1 << 60]),
    "a shape that no memory holds": _header(shape=[1 << 40, 1 << 40]),
    "a type that is none": _header(dtype="Q99"),
    "no facts": _header(metadata={}),
    "facts that are no text": _header(metadata={"taet": "[1, 2]"}),
    "facts of another format": _header(facts={"format": 10**6}),
    "a key that is a list": _header(facts={"key": ["x"]}),
    "facts that were changed": _header(facts={"class_names": [f"$(touch {MARK})"], "network": {"options": {"kind": f"../{MARK}"}}}),
}  # fmt: skip
TEXTS_ONLY: dict[str, Callable[[Path], bytes]] = {
    "a list": _text(b"[]"),
    "files that lie outside": _text(
        json.dumps({"format": 1, "key": "x", "files": {"../../../../etc/passwd": "0"}}).encode()
    ),
    "a number without end": _text(b'{"format": ' + b"9" * 10_000 + b"}"),
    "not UTF-8": _text(b'{"key": "\xff\xfe"}'),
}


def refusals(folder: Path) -> Iterator[Refusal]:
    """Put each sample in each place of a folder that has the results of a study ``tiny``."""
    for places, samples in ((ARRAYS, ANYWHERE | ARRAYS_ONLY), (TEXTS, ANYWHERE | TEXTS_ONLY)):
        for place, command in places.items():
            path = folder / place
            good = path.read_bytes()
            for title, made in samples.items():
                path.write_bytes(made(path))
                with contextlib.chdir(folder):
                    yield refuse("hostile file", f"{place}: {title}", command, [place])
                path.write_bytes(good)
            yield _in_the_way(folder, place, command)


def _in_the_way(folder: Path, place: str, command: list[str]) -> Refusal:
    """A link to itself in the place of a file."""
    path = folder / place
    aside = folder / "aside"
    shutil.move(path, aside)
    path.symlink_to(path.name)
    with contextlib.chdir(folder):
        said = refuse("hostile file", f"{place}: a link to itself", command, [place])
    path.unlink()
    shutil.move(aside, path)
    return said


def marks(folder: Path) -> list[Path]:
    """Traces of harm."""
    return [*folder.rglob(f"*{MARK}*"), *folder.parent.glob(f"*{MARK}*")]

"""Small files in the official formats of data sets that must be downloaded, and a server for them."""

import hashlib
import io
import pickle
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import medmnist
import numpy as np
import pytest
from PIL import Image
from torchvision.datasets import CIFAR10, CIFAR100

from taet.datasets import tiny_imagenet

PER_BATCH = 20


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def cifar_files(cls: type[CIFAR10]) -> dict[str, bytes]:
    """Batches with 20 images each, and the names of the classes."""
    classes, key = (100, "fine_labels") if cls is CIFAR100 else (10, "labels")
    rng = np.random.default_rng(0)
    files = {}
    for name, _ in [*cls.train_list, *cls.test_list]:
        images = rng.integers(0, 256, (classes * PER_BATCH // 10, 3072), dtype=np.uint8)
        labels = [i % classes for i in range(len(images))]
        files[name] = pickle.dumps({"data": images, key: labels})
    names = [f"class {c}" for c in range(classes)]
    files[cls.meta["filename"]] = pickle.dumps({cls.meta["key"]: names})
    return files


def archive_of(folder: str, files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(f"{folder}/{name}")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def small_cifar(cls: type[CIFAR10], monkeypatch: pytest.MonkeyPatch) -> bytes:
    """Make torchvision's class expect small files; their archive."""
    files = cifar_files(cls)
    archive = archive_of(cls.base_folder, files)
    for name in ("train_list", "test_list"):
        monkeypatch.setattr(cls, name, [[f, md5(files[f])] for f, _ in getattr(cls, name)])
    monkeypatch.setattr(cls, "meta", {**cls.meta, "md5": md5(files[cls.meta["filename"]])})
    monkeypatch.setattr(cls, "tgz_md5", md5(archive))
    return archive


def medmnist_file(flag: str, size: int, monkeypatch: pytest.MonkeyPatch) -> tuple[str, bytes]:
    """Make the package expect a small file of 2 images a class and split; its name and contents."""
    info, suffix = medmnist.INFO[flag], "" if size == 28 else f"_{size}"
    classes, rng = len(info["label"]), np.random.default_rng(0)
    shape = (size, size) if info["n_channels"] == 1 else (size, size, 3)
    arrays: dict[str, np.ndarray] = {}
    for split in ("train", "val", "test"):
        labels = np.arange(2 * classes) % classes
        arrays[f"{split}_images"] = rng.integers(0, 256, (len(labels), *shape), dtype=np.uint8)
        arrays[f"{split}_labels"] = labels[:, None].astype(np.uint8)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    monkeypatch.setitem(info, f"MD5{suffix}", md5(buffer.getvalue()))
    return f"{flag}{suffix}.npz", buffer.getvalue()


def tiny_imagenet_files(classes: int = 3, train: int = 4, val: int = 2) -> dict[str, bytes]:
    """Files of the official layout, with pictures of noise: colour, and the first of each class grey."""
    rng = np.random.default_rng(0)

    def jpeg(*shape: int) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(rng.integers(0, 256, (64, 64, *shape), dtype=np.uint8)).save(buffer, "JPEG")
        return buffer.getvalue()

    # Not in alphabetical order, as in the official file.
    wnids = [f"n{9 - c:08}" for c in range(classes)]
    words = [f"{wnid}\tanimal {c}, Animalia {c}" for c, wnid in enumerate(wnids)]
    files = {"wnids.txt": "\n".join(wnids).encode(), "words.txt": "\n".join(words).encode()}
    lines = []
    for c, wnid in enumerate(wnids):
        files[f"train/{wnid}/{wnid}_boxes.txt"] = b""
        for i in range(train):
            files[f"train/{wnid}/images/{wnid}_{i}.JPEG"] = jpeg(*([3] if i else []))
        for i in range(val):
            name = f"val_{i * classes + c}.JPEG"
            files[f"val/images/{name}"] = jpeg(3)
            lines.append(f"{name}\t{wnid}\t0\t0\t62\t62")
    files["val/val_annotations.txt"] = "\n".join(lines).encode()
    files["test/images/test_0.JPEG"] = jpeg(3)
    return {tiny_imagenet.ROOT + name: data for name, data in files.items()}


def zip_of(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def small_tiny_imagenet(monkeypatch: pytest.MonkeyPatch) -> bytes:
    """Make the module expect a small archive; its contents."""
    archive = zip_of(tiny_imagenet_files())
    monkeypatch.setattr(tiny_imagenet, "MD5", md5(archive))
    return archive


class Server:
    """What the local server has and how it behaves."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.break_after: int | None = None
        self.ranges = True
        self.requests: list[str | None] = []
        self.address = ""


@contextmanager
def serve() -> Iterator[Server]:
    """A web server on loopback."""
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            state.requests.append(wanted)
            data = state.files.get(Path(self.path).name)
            if data is None:
                self.send_error(404)
                return
            start = (
                int(wanted.removeprefix("bytes=").removesuffix("-"))
                if wanted and state.ranges
                else 0
            )
            if start and start >= len(data):
                self.send_error(416)
                return
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(data) - start))
            self.end_headers()
            end = len(data) if state.break_after is None else start + state.break_after
            self.wfile.write(data[start:end])
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    state.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def mirror_files(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """A small file in the official format for every data set that is fetched, by its official name."""
    files = {cls.filename: small_cifar(cls, monkeypatch) for cls in (CIFAR10, CIFAR100)}
    files["tiny-imagenet-200.zip"] = small_tiny_imagenet(monkeypatch)
    for flag in ("dermamnist", "organamnist"):
        files |= dict(medmnist_file(flag, size, monkeypatch) for size in (28, 64))
    return files

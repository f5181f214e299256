"""Peak memory of what handles whole data sets: CIFAR-10's long-tailed lists, and the loader of a training.

    python benchmarks/memory.py

Needs the CIFAR-10 artifact of ``python -m taet download --dataset cifar10``. Each is a process of its own;
what it holds at most is what the system says of it. The loader runs one epoch of CIFAR-10-LT at ratio 10
with crop and flip, batch 128; beside it, the same process without any images.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from measured import ROOT, Results

REPEATS, LIMIT = 3, 1e9  # bytes that none may need
CELL = ["--dataset", "cifar10", "--ir", "10", "--seed", "0"]
LOADER = """
import sys
from taet import params
from taet.grid import Study
from taet.loader import Loader
from taet.stages._data import read_data
if sys.argv[1] == "loader":
    study = Study(params.load(study="cifar10_small"))
    cell = {"dataset": "cifar10", "ir": 10, "architecture": "resnet18_narrow", "method": "pgd_at", "seed": 0}
    data = read_data(study.job("equalize", **cell), "train")
    loader = Loader(
        data.hand_over("train"), data.labels["train"], data.max_value, 128, True, 0, "crop_flip"
    )
    assert sum(len(y) for _, y in loader.epoch(0)) > 20000
"""


def peak(folder: Path, *command: str) -> float:
    """MiB that a Python process of its own holds at most."""
    child = subprocess.Popen([sys.executable, *command], cwd=folder, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"failed: python {' '.join(command)[:60]}")
    return usage.ru_maxrss / 1024


def main() -> None:
    raw = ROOT / "data" / "raw"
    if not (raw / "cifar10" / "images.safetensors").exists():
        raise SystemExit("no CIFAR-10; run: python -m taet download --dataset cifar10")
    os.environ["TAET_STUDY"] = "cifar10_small"
    results = Results("memory")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(ROOT / "params.yaml", folder)
        (folder / "data").mkdir()
        (folder / "data" / "raw").symlink_to(raw)
        everything: dict[str, tuple[str, ...]] = {
            "subsample": ("-m", "taet", "subsample", *CELL),
            "loader": ("-c", LOADER, "loader"),
            "loader without images": ("-c", LOADER, "nothing"),
        }
        for what, command in everything.items():
            results.add(what, [peak(folder, *command) for _ in range(REPEATS)], "MiB")
    results.keep()
    if max(float(str(row["value"])) for row in results.rows) * 2**20 > LIMIT:
        raise SystemExit(f"more than {LIMIT / 1e9:.0f} GB")


if __name__ == "__main__":
    main()

"""Peak memory: of what handles whole data sets, and of training and attacking each architecture.

    python benchmarks/memory.py

The networks take a step of PGD-AT and an attack's gradient on random 32x32 images, in float32. The data sets
are CIFAR-10's long-tailed lists and the loader of a training, which need the CIFAR-10 artifact of ``python
-m taet download --dataset cifar10``. Each is a process of its own; what it holds at most is what the system
says of it. The loader runs one epoch of CIFAR-10-LT at ratio 10 with crop and flip, batch 128; beside it, the
same process without any images.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from measured import ROOT, Results

REPEATS = 3
DATA, LIMIT = (
    ("subsample", "loader", "loader without images"),
    1e9,
)  # bytes that none of these may need
CELL = ["--dataset", "cifar10", "--ir", "10", "--seed", "0"]
LOADER = """
import sys
from taet.study.params.load import load_params
from taet.study.plan.study import Study
from taet.data.loader import Loader
from taet.data.split_images import read_data
if sys.argv[1] == "loader":
    study = Study(load_params(study="cifar10_small"))
    cell = {"dataset": "cifar10", "imbalance_ratio": 10, "architecture": "resnet18_narrow"}
    cell |= {"method": "pgd_at", "seed": 0}
    data = read_data(study.job("equalize", **cell), "train")
    loader = Loader(
        data.pop_images("train"), data.labels["train"], data.max_value, 128, True, 0, "crop_flip"
    )
    assert sum(len(y) for _, y in loader.batches(0)) > 20000
"""
NETWORK = """
import sys
import torch
from taet.study.params.load import load_params
from taet.study.params import plugins
from taet.adversary.pgd import input_gradient
from taet.compute.folding import folded
from taet.losses import cross_entropy
from taet.training.method import Batch, TrainingContext
from taet.networks.network import build_model, describe_network
from taet.training.optimizers import make_optimizer
from taet.training.loop import Run, _step
what, name, images = sys.argv[1], sys.argv[2], int(sys.argv[3])
torch.set_num_threads(1)
p = load_params(study="cifar10_lt")
attack = p.training.attack.model_copy(update={"steps": 1})
setting = TrainingContext(torch.full((10,), 100), p.threat.eps, attack, 100, 3, 0)
method = plugins.load("methods", "pgd_at").Method(p.methods["pgd_at"], setting)
model = build_model(describe_network(p.architectures[name], 3, 32, 10), seed=0)
x, y = torch.rand(images, 3, 32, 32).to(memory_format=torch.channels_last), torch.randint(0, 10, (images,))
if what == "train":
    run = Run(model, make_optimizer(model.parameters(), p.training.optimizer), method)
    _step(run, Batch(x, y, torch.Generator(), 0), 0.01, "fp32")
else:
    with folded(model.eval()):
        input_gradient(model, x, y, cross_entropy)
"""
# Evaluation passes 500 images at once (evaluation.batch_size).
NETWORKS = [
    (what, name, images)
    for name in ("small_cnn", "resnet18_narrow", "resnet18", "preact_resnet18")
    for what, images in (("train", 64), ("train", 128), ("attack", 500))
] + [("train", "wrn34_10", 16), ("train", "wrn34_10", 32)]


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
    results = Results("memory")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(ROOT / "params.yaml", folder)
        (folder / "data").mkdir()
        (folder / "data" / "raw").symlink_to(raw)
        everything: dict[str, tuple[str, ...]] = {
            "subsample": ("-m", "taet", "subsample", "--study", "cifar10_small", *CELL),
            "loader": ("-c", LOADER, "loader"),
            "loader without images": ("-c", LOADER, "nothing"),
        }
        for what, name, images in NETWORKS:
            command = ("-c", NETWORK, what, name, str(images))
            everything[f"{what} {name}, batch {images}"] = command
        for what, command in everything.items():
            results.add(what, [peak(folder, *command) for _ in range(REPEATS)], "MiB")
    results.keep()
    data = [float(str(row["value"])) for row in results.rows if row["what"] in DATA]
    if max(data) * 2**20 > LIMIT:
        raise SystemExit(f"more than {LIMIT / 1e9:.0f} GB")


if __name__ == "__main__":
    main()

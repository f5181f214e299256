"""On a GPU: a training step and AutoAttack against the peers' way, and whole jobs at the paper's scale.

    pip install --no-deps torchattacks==3.5.1
    python benchmarks/gpu.py [steps] [training] [autoattack] [against_plain]

Wall time, with the GPU's work awaited. The data are those of the study cifar10_gpu (download and subsample
come first); without a name, all parts:

steps: PGD-10, ResNet-18, batch 128. The peers' step of AT-BSL (benchmarks/peers.py) as torch runs it by
itself: float32 with convolutions in TF32, channels first, kernel by kernel. Ours in every precision; `plain`
is ours in bf16 without recorded graphs.
training: 100 epochs of PGD-AT as one job, from the start of Python to the stored checkpoint.
autoattack: full AutoAttack on all 10,000 test images of TAET's network, as one job. The network is trained
first: python -m taet stabilize and equalize.
against_plain: the same on some images, beside torchattacks' components at full steps, in TF32 as well; and
what TF32 and bfloat16 find against float32, on the two cheaper components.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor

import autoattack as small
import peers
from measured import Results, in_turn
from taet.adversary.evaluation import evaluate
from taet.adversary.pgd import input_gradient
from taet.compute.devices import device_facts, set_up_device
from taet.compute.folding import folded
from taet.data.loader import to_pixels
from taet.data.split_images import read_data
from taet.losses import cross_entropy
from taet.networks.network import Network, build_model, describe_network, load_model
from taet.study.params import plugins
from taet.study.params.load import load_params
from taet.study.plan.study import Study
from taet.study.run.resume import resume_file
from taet.study.store.records import record_path
from taet.training.loop import Run, _step
from taet.training.method import Batch, TrainingContext
from taet.training.optimizers import make_optimizer

STUDY = Study(load_params(study="cifar10_gpu"))
CELL = {
    "dataset": "cifar10",
    "imbalance_ratio": 10,
    "architecture": "resnet18",
    "method": "pgd_at",
    "seed": 0,
}
ATTACKED = {**CELL, "method": "taet"}
REPEATS, STEPS = 5, 10
PLAIN_IMAGES, COMPARED_IMAGES = 250, 500


def clock() -> float:
    """Seconds, when all that was asked of the GPU is done."""
    torch.cuda.synchronize()
    return time.perf_counter()


@contextmanager
def by_itself() -> Iterator[None]:
    """torch's own settings, not those of ``taet.compute.devices.set_up_device``."""
    torch.backends.cudnn.allow_tf32, torch.backends.cudnn.deterministic = True, False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32, torch.backends.cudnn.deterministic = False, True


def place() -> str:
    """The GPU, its clock and its driver as they are now."""
    asked = "clocks.sm,clocks.max.sm,driver_version"
    command = ["nvidia-smi", f"--query-gpu={asked}", "--format=csv,noheader"]
    now, most, driver = subprocess.run(
        command, capture_output=True, text=True, check=True
    ).stdout.splitlines()[0].split(", ")  # fmt: skip
    return (
        f"{device_facts(torch.device('cuda'))['device']}, SM clock {now} of {most}, driver {driver}"
    )


def network() -> Network:
    block = STUDY.params.architectures["resnet18"]
    return build_model(describe_network(block, 3, 32, 10), seed=0).cuda()


def our_step(counts: Tensor, batch: Batch, precision: str, records: bool) -> Callable[[], object]:
    p = STUDY.params
    setting = TrainingContext(counts, p.threat.eps, p.training.attack, p.training.epochs, 3, 0)
    method = plugins.load("methods", "at_bsl").Method(p.methods["at_bsl"], setting)
    if not records:
        method.recorder.can_record = lambda values: False
    model = network()
    run = Run(model, make_optimizer(model.parameters(), p.training.optimizer), method)
    return partial(_step, run, batch, 0.1, precision)


def steps() -> None:
    """Step against step."""
    data = read_data(STUDY.job("equalize", **CELL), "train")
    x = to_pixels(data.images["train"][: STUDY.params.training.batch_size].cuda(), data.max_value)
    y, counts = data.labels["train"][: len(x)].cuda(), data.train_counts.cuda()
    batch = Batch(x, y, torch.Generator("cuda").manual_seed(0), 50)
    ours = {
        "fp32": our_step(counts, batch, "fp32", True),
        "attack_bf16": our_step(counts, batch, "attack_bf16", True),
        "bf16": our_step(counts, batch, "bf16", True),
        "plain": our_step(counts, batch, "bf16", False),
    }
    theirs = network().to(memory_format=torch.contiguous_format)
    optimizer = torch.optim.SGD(theirs.parameters(), 0.1, momentum=0.9, weight_decay=5e-4)
    x, noise = x.contiguous(), torch.randn_like(x).contiguous()
    rates = data.train_counts

    def peers_step() -> None:
        with by_itself():
            peers.at_bsl_step(theirs, optimizer, x, y, noise, rates)

    works = {"peers": peers_step, **ours}
    repeated = {name: partial(repeat, work) for name, work in works.items()}
    seconds = in_turn(repeated, REPEATS, clock)
    results = Results("gpu_steps", place())
    results.add("peers", [1000 * s / STEPS for s in seconds["peers"]], "ms a step")
    for name in ours:
        results.add(name, [1000 * s / STEPS for s in seconds[name]], "ms a step")
        ratios = [a / b for a, b in zip(seconds["peers"], seconds[name], strict=True)]
        results.add(f"{name} to the peers'", ratios, "times as fast")
    results.keep()


def repeat(work: Callable[[], object]) -> None:
    for _ in range(STEPS):
        work()


def training() -> None:
    """A whole training."""
    measure_job("gpu_training", "PGD-AT, 100 epochs, 20,431 images", "equalize", CELL)


def autoattack() -> None:
    """A whole evaluation."""
    cell = {**ATTACKED, "checkpoint": "last", "job": "ensemble"}
    measure_job("gpu_autoattack", "AutoAttack standard, 10,000 images", "attack", cell)


def measure_job(name: str, what: str, stage: str, cell: dict[str, object]) -> None:
    """A job as a process of its own, of which nothing is there yet, nor of an earlier try."""
    job = STUDY.job(stage, **cell)
    for file in (job.output, resume_file(job).path):
        file.unlink(missing_ok=True)
    words = [word for axis, value in cell.items() for word in (f"--{axis}", str(value))]
    command = [sys.executable, "-m", "taet", stage, "--study", STUDY.params.study, *words]
    start = time.perf_counter()
    subprocess.run(command, check=True)
    results = Results(name, place())
    results.add(what, [time.perf_counter() - start], "s")
    record = json.loads(record_path(job.output).read_text())
    results.add("of which the stage", [record["wall_seconds"]], "s")
    results.add("memory on the GPU, most", [record["gpu_peak_memory_mib"]], "MiB")
    results.keep()


def against_plain() -> None:
    """On some images, beside the plain version."""
    trained, p = STUDY.job("equalize", **ATTACKED), STUDY.params
    data = read_data(trained, "test")
    chosen = torch.randperm(len(data.labels["test"]), generator=torch.Generator().manual_seed(0))
    x = to_pixels(data.images["test"][chosen[:COMPARED_IMAGES]].cuda(), data.max_value)
    y = data.labels["test"][chosen[:COMPARED_IMAGES]].cuda()
    mine, theirs = (load_model(trained.output, trained.key).cuda() for _ in range(2))
    theirs = theirs.to(memory_format=torch.contiguous_format)
    few, labels = x[:PLAIN_IMAGES].contiguous(), y[:PLAIN_IMAGES]
    results = Results("gpu_against_plain", place())
    found: dict[str, Tensor] = {}

    def ours(attack: str, count: int, precision: str) -> None:
        with folded(mine):
            verdict = evaluate(
                mine, x[:count], y[:count], {attack: p.attacks[attack]}, eps=p.threat.eps,
                batch_size=p.evaluation.batch_size, seed=0, classes=10, precision=precision,
            ).verdicts[attack]  # fmt: skip
        found[precision] = verdict.prediction.to(y.device) == y[:count]

    def plain() -> None:
        with by_itself():
            found["plain"] = small.plain(theirs, few, labels, p.threat.eps)

    input_gradient(mine, x[:PLAIN_IMAGES], labels, cross_entropy)  # loads what first passes load
    with by_itself():
        input_gradient(theirs, few, labels, cross_entropy)
    for precision in ("fp32", "tf32", "bf16"):
        start = clock()
        ours("apgd_ce_t", COMPARED_IMAGES, precision)
        name = f"APGD-CE + APGD-T, {precision}"
        results.add(f"{name}: time", [clock() - start], f"s for {COMPARED_IMAGES} images")
        results.add(f"{name}: robust", [100 * found[precision].float().mean().item()], "%")
    for precision in ("tf32", "bf16"):
        differ = (found[precision] != found["fp32"]).sum().item()
        results.add(f"{precision}: other verdicts than fp32", [differ], f"of {COMPARED_IMAGES}")
    start = clock()
    plain()
    middle = clock()
    ours("autoattack", PLAIN_IMAGES, "tf32")
    end = clock()
    for name, seconds, which in (
        ("plain", middle - start, "plain"),
        ("ours", end - middle, "tf32"),
    ):
        results.add(f"AutoAttack, {name}: time", [seconds], f"s for {PLAIN_IMAGES} images")
        robust = 100 * found[which].float().mean().item()
        results.add(f"AutoAttack, {name}: robust", [robust], "%")
    results.add(
        "AutoAttack: ours against plain", [(middle - start) / (end - middle)], "times as fast"
    )
    for name, one, other in (("ours", "tf32", "plain"), ("the plain version", "plain", "tf32")):
        alone = (found[one] & ~found[other]).sum().item()
        results.add(f"AutoAttack: robust for {name} alone", [alone], f"of {PLAIN_IMAGES}")
    results.keep()


PARTS = {part.__name__: part for part in (steps, training, autoattack, against_plain)}


def main() -> None:
    set_up_device(STUDY.params.compute)
    for name in sys.argv[1:] or PARTS:
        PARTS[name]()


if __name__ == "__main__":
    main()

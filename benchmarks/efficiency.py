"""What the methods cost: time of an epoch, peak memory, and passes, on one network and one training set.

    python benchmarks/efficiency.py

The methods of the TAET comparison in the common preset at the paper's scale, but for the networks: ResNet-18
of width 16, 32x32 random images, batch 128, PGD-10. Each is a process of its own: some steps are timed
(processor time of one thread, the first not counted) and scaled to an epoch of CIFAR-10-LT at ratio 10 (159
steps). Passes are counted as they happen, a pass being one image through a network. A method with
a stage 1 costs what its two stages cost, in proportion to their epochs.
"""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator

import torch
from torch import Tensor

from measured import ROOT, Results
from taet.networks.network import Network, build_model, describe_network
from taet.study.params import plugins
from taet.study.params.load import load_params
from taet.training.loop import Run, _step
from taet.training.method import Batch, TrainingContext
from taet.training.optimizers import make_optimizer

REPEATS, STEPS, BATCH, EPOCH_STEPS, WIDTH = 3, 4, 128, 159, 16
COUNTS = (5000, 3871, 2997, 2320, 1796, 1391, 1077, 834, 645, 500)
PARAMS = load_params(ROOT / "params.yaml", "cifar10_lt")
NARROWED = {"strategy_width": WIDTH}  # LAS-AT's second network, cut like the first


class Passes:
    """Counts images that go forward through any network, and gradients that come back, inside a block."""

    def __enter__(self) -> "Passes":
        self.forward = self.backward = 0
        # Of the class, since LAS-AT also trains a copy of the network; REAT asks for nothing but features.
        self.features = features = Network.features

        def counted(network: Network, x: Tensor) -> Tensor:
            return self._count(features(network, x))

        Network.features = counted  # type: ignore[method-assign]
        return self

    def __exit__(self, *error: object) -> None:
        Network.features = self.features  # type: ignore[method-assign]

    def _count(self, output: Tensor) -> Tensor:
        self.forward += len(output)
        if output.requires_grad:
            output.register_hook(self._back)
        return output

    def _back(self, gradient: Tensor) -> None:
        self.backward += len(gradient)


def batches(count: int) -> Iterator[Batch]:
    noise, labels = torch.Generator().manual_seed(0), torch.tensor(COUNTS).float()
    for _ in range(count):
        x = torch.rand(BATCH, 3, 32, 32).to(memory_format=torch.channels_last)
        yield Batch(x, torch.multinomial(labels, BATCH, True), noise, epoch=60)


def measure(name: str) -> dict[str, float]:
    """Seconds, image-passes and memory of a step; in a process of its own."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    options, training = PARAMS.methods[name], PARAMS.methods[name].training
    options = options.model_copy(update={k: w for k, w in NARROWED.items() if hasattr(options, k)})
    setting = TrainingContext(torch.tensor(COUNTS), PARAMS.threat.eps, training.attack, 100, 3, 0)
    method = plugins.load("methods", options.kind).Method(options, setting)
    block = PARAMS.architectures["resnet18"].model_copy(update={"width": WIDTH})
    model = build_model(describe_network(block, 3, 32, 10, head=method.head), seed=0)
    run = Run(model, make_optimizer(model.parameters(), training.optimizer), method)
    method.start_epoch(60)
    # LAS-AT learns in every 20th step: that one, and others, in their proportion.
    often = getattr(options, "update_every", 1)
    costs = []
    for step, batch in enumerate(batches(1 + STEPS)):
        if often > 1:
            method.steps = often - 1 if step == STEPS else 0
        start = time.process_time()
        with Passes() as passes:
            _step(run, batch, 0.01, training.precision)
        costs.append((time.process_time() - start, passes.forward, passes.backward))
    usual = [sum(column) / len(column) for column in zip(*costs[1:-1], strict=True)]
    seconds, forward, backward = (
        u + (last - u) / often for u, last in zip(usual, costs[-1], strict=True)
    )
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "seconds": seconds,
        "forward": forward / BATCH,
        "backward": backward / BATCH,
        "memory": memory,
    }


def measured(name: str) -> dict[str, float]:
    command = [sys.executable, __file__, name]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def mixed(name: str, found: dict[str, dict[str, float]]) -> dict[str, float]:
    """Both stages of a method, in proportion to their epochs; memory is that of the larger."""
    recipe = PARAMS.methods[name].stabilization
    if recipe is None:
        return found[name]
    first = PARAMS.stabilizations[recipe]
    share = first.epochs / PARAMS.methods[name].training.epochs
    one, two = found[first.method], found[name]
    both = {what: share * one[what] + (1 - share) * two[what] for what in two}
    return both | {"memory": max(one["memory"], two["memory"])}


def main() -> None:
    methods = ["clean", *load_params(ROOT / "params.yaml", "digits").grid.methods]
    results = Results("efficiency")
    rounds = [
        {name: measured(name) for name in methods} for _ in range(REPEATS)
    ]  # all in turn, so that a slow hour is slow for all
    for name in methods:
        label = PARAMS.methods[name].label
        both = [mixed(name, found) for found in rounds]
        results.add(f"{label}: an epoch", [EPOCH_STEPS * b["seconds"] for b in both], "s")
        ratios = [
            b["seconds"] / found["pgd_at"]["seconds"] for b, found in zip(both, rounds, strict=True)
        ]
        results.add(f"{label}: against PGD-AT", ratios, "times the time")
        results.add(f"{label}: forward passes", [b["forward"] for b in both], "an image and step")
        results.add(f"{label}: backward passes", [b["backward"] for b in both], "an image and step")
        results.add(f"{label}: peak memory", [b["memory"] for b in both], "MiB")
    results.keep()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure(sys.argv[1])))
    else:
        main()

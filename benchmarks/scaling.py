"""How the cost of a training step grows: with images, attack steps, and the width of the network.

    python benchmarks/scaling.py

PGD-AT on ResNet-18, 32x32 random images, float32, processor time of one thread; one thing grows at a time
from batch 64, 10 steps, width 16. Points are taken in turn, so that a slow minute is slow for all. In theory
the cost is linear in images and in 2 steps + 3 (a gradient of the images takes two thirds of one of the
weights too), and quadratic in the width once channels fill the vector units.
"""

import torch

from measured import Results, in_turn
from taet.networks.network import build_model, describe_network
from taet.study.params import plugins
from taet.study.params.load import load_params
from taet.training.loop import Run, _step
from taet.training.method import Batch, TrainingContext
from taet.training.optimizers import make_optimizer

REPEATS, BATCH, STEPS, WIDTH = 5, 64, 10, 16
IMAGES, ATTACK_STEPS, WIDTHS = (16, 32, 64, 128, 256), (1, 3, 5, 10, 20), (8, 16, 32, 64)
PARAMS = load_params(study="cifar10_lt")


class Step:
    """A training step that can be done again and again."""

    def __init__(self, images: int = BATCH, steps: int = STEPS, width: int = WIDTH) -> None:
        attack = PARAMS.training.attack.model_copy(update={"steps": steps})
        setting = TrainingContext(torch.full((10,), 100), PARAMS.threat.eps, attack, 100, 3, 0)
        method = plugins.load("methods", "pgd_at").Method(PARAMS.methods["pgd_at"], setting)
        block = PARAMS.architectures["resnet18"].model_copy(update={"width": width})
        model = build_model(describe_network(block, 3, 32, 10), seed=0)
        self.run = Run(model, make_optimizer(model.parameters(), PARAMS.training.optimizer), method)
        x = torch.rand(images, 3, 32, 32).to(memory_format=torch.channels_last)
        y = torch.randint(0, 10, (images,))
        self.batch = Batch(x, y, torch.Generator().manual_seed(0), 0)

    def __call__(self) -> None:
        _step(self.run, self.batch, 0.01, "fp32")


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    results = Results("scaling")
    growing = {
        "images": {n: Step(images=n) for n in IMAGES},
        "attack steps": {n: Step(steps=n) for n in ATTACK_STEPS},
        "width": {n: Step(width=n) for n in WIDTHS},
    }
    for what, works in growing.items():
        seconds = in_turn({str(n): work for n, work in works.items()}, REPEATS)
        for n, values in seconds.items():
            results.add(f"{what}: {n}", values, "s a step")
    results.keep()


if __name__ == "__main__":
    main()

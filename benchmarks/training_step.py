"""A training step of ResNet-18 against the peers' way: processor time of one thread.

    python benchmarks/training_step.py [WIDTH]

PGD-10, 32x32 images, batch 64, the same images and weights on both sides, in turn: the peers' step
(benchmarks/peers.py) against ours in float32, with the attack in bfloat16, and all in bfloat16. Before that:
how far our gradients are from the peers', relative to their norm. WIDTH is that of the first
stage; other results than those of 64 are not kept.
"""

import sys
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

import peers
from measured import Results, in_turn
from taet.adversary.pgd import input_gradient
from taet.compute.folding import folded
from taet.losses import cross_entropy
from taet.networks.network import Network, build_model, describe_network
from taet.study.params import plugins
from taet.study.params.load import load_params
from taet.training.loop import Run, _step
from taet.training.method import Batch, TrainingContext
from taet.training.optimizers import make_optimizer

REPEATS, BATCH, COUNTS = 5, 64, (5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50)
PARAMS = load_params(study="cifar10_lt")
TRAINING = PARAMS.training
THEIR_STEPS = {"at_bsl": peers.at_bsl_step, "taet": peers.taet_step}


def network(width: int) -> Network:
    block = PARAMS.architectures["resnet18"].model_copy(update={"width": width})
    return build_model(describe_network(block, 3, 32, len(COUNTS)), seed=0)


def run_of(name: str, width: int) -> Run:
    options = PARAMS.methods[name]
    setting = TrainingContext(torch.tensor(COUNTS), PARAMS.threat.eps, TRAINING.attack, 100, 3, 0)
    method = plugins.load("methods", options.kind).Method(options, setting)
    model = network(width)
    return Run(model, make_optimizer(model.parameters(), TRAINING.optimizer), method)


def difference(ours: list[Tensor], theirs: list[Tensor]) -> float:
    a, b = (torch.cat([part.flatten() for part in parts]) for parts in (ours, theirs))
    return ((a - b).norm() / b.norm()).item()


def pair(width: int, x: Tensor, y: Tensor, dtype: torch.dtype) -> tuple[Network, Network]:
    """Our network and the peers', with batch norms that have seen a batch; the same weights."""
    ours, theirs = network(width).to(dtype), network(width).to(dtype)
    gradients(theirs, x.to(dtype), y)
    ours.load_state_dict(theirs.state_dict())
    return ours.eval(), theirs.eval().to(memory_format=torch.contiguous_format)


def gradients(model: nn.Module, x: Tensor, y: Tensor) -> list[Tensor]:
    """Of the weights, in train mode."""
    model.train().zero_grad()
    cross_entropy(model(x), y).mean().backward()
    return [p.grad.clone() for p in model.parameters()]


def check(results: Results, width: int, x: Tensor, y: Tensor) -> None:
    """Gradients of both sides.

    In float64 they show that the functions are the same. In float32 a rounding may put a ReLU on its other
    side, and the gradient of that image jumps: what counts is the median over images.
    """
    for dtype, name in ((torch.float64, "float64"), (torch.float32, "float32")):
        ours, theirs = pair(width, x, y, dtype)
        mine_in, peers_in = x.to(dtype), x.to(dtype).contiguous()
        with folded(ours):
            mine, _ = input_gradient(ours, mine_in, y, cross_entropy)
        peer, _ = input_gradient(theirs, peers_in, y, cross_entropy)
        apart = [difference([a], [b]) for a, b in zip(mine, peer, strict=True)]
        results.add(f"{name}: gradient of an image, difference", apart, "of its norm")
        if dtype == torch.float64:
            mine, peer = gradients(ours, mine_in, y), gradients(theirs, peers_in, y)
            apart = [difference(mine, peer)]
            results.add(f"{name}: gradient of the weights, difference", apart, "of its norm")


def made_up_batch() -> tuple[Tensor, Tensor, Tensor]:
    """Images, labels as often as their classes, and noise for the start."""
    torch.manual_seed(0)
    x = torch.rand(BATCH, 3, 32, 32).to(memory_format=torch.channels_last)
    y = torch.multinomial(torch.tensor(COUNTS).float(), BATCH, True)
    return x, y, torch.randn_like(x)


def works_of(
    name: str, width: int, x: Tensor, y: Tensor, noise: Tensor
) -> dict[str, Callable[[], object]]:
    """A step of the peers, and of ours in every precision."""
    peer = network(width).to(memory_format=torch.contiguous_format)
    optimizer = torch.optim.SGD(peer.parameters(), 0.1, momentum=0.9, weight_decay=5e-4)
    plain = (x.contiguous(), y, noise.contiguous(), torch.tensor(COUNTS))
    works: dict[str, Callable[[], object]] = {
        "peers": lambda: THEIR_STEPS[name](peer, optimizer, *plain)
    }
    for precision in ("fp32", "attack_bf16", "bf16"):
        run, batch = run_of(name, width), Batch(x, y, torch.Generator().manual_seed(0), 50)
        works[precision] = partial(_step, run, batch, 0.1, precision)
    return works


def main() -> None:
    torch.set_num_threads(1)
    width = int(sys.argv[1]) if len(sys.argv) > 1 else 64
    x, y, noise = made_up_batch()
    results = Results("training_step")
    check(results, width, x, y)
    for name in THEIR_STEPS:
        works = works_of(name, width, x, y, noise)
        seconds = in_turn(works, REPEATS)
        results.add(f"{name}: peers", seconds["peers"], "s a step")
        for precision in list(works)[1:]:
            ratios = [a / b for a, b in zip(seconds["peers"], seconds[precision], strict=True)]
            results.add(f"{name}: {precision} against peers", ratios, "times as fast")
    if width == 64:
        results.keep()


if __name__ == "__main__":
    main()

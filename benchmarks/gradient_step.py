"""Where the time of an attack's gradient step goes: the peers' way against ours, in float32.

    python benchmarks/gradient_step.py

ResNet-18 at 32x32, batch 64, processor time of one thread, the two in turn; then the share of the
convolutions in each, by torch's profiler. What is left beside them is all that layout, folding and fused
operations can still save, as long as the convolutions are the same.
"""

import logging
from functools import partial

import torch

from measured import Results, in_turn
from taet.adversary.pgd import input_gradient
from taet.compute.folding import folded
from taet.losses import cross_entropy
from training_step import made_up_batch, network

REPEATS, WIDTH = 5, 64


def convolutions(work: partial[object]) -> float:
    """Share of the processor time that is spent in convolutions, forward and backward, in per cent."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        work()
    times = {event.key: event.self_cpu_time_total for event in profile.key_averages()}
    return 100 * sum(t for name, t in times.items() if "convolution" in name) / sum(times.values())


def main() -> None:
    logging.disable()
    torch.set_num_threads(1)
    x, y, _ = made_up_batch()
    ours = network(WIDTH).eval()
    peers = network(WIDTH).eval().to(memory_format=torch.contiguous_format)
    works = {
        "peers": partial(input_gradient, peers, x.contiguous(), y, cross_entropy),
        "ours": partial(input_gradient, ours, x, y, cross_entropy),
    }
    results = Results("gradient_step")
    with folded(ours):
        seconds = in_turn(works, REPEATS)
        for name, work in works.items():
            results.add(f"{name}: a gradient step", seconds[name], "s")
            shares = [convolutions(work) for _ in range(3)]
            results.add(f"{name}: convolutions", shares, "% of it")
    ratios = [a / b for a, b in zip(seconds["peers"], seconds["ours"], strict=True)]
    results.add("ours, fp32, to the peers'", ratios, "times as fast")
    results.keep()


if __name__ == "__main__":
    main()

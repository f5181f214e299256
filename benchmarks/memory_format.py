"""An input gradient with channels last against channels first: processor time, one thread.

    python benchmarks/memory_format.py

The network and batch of the default study, the two layouts in turn.
"""

import time

import torch

from measured import Results
from taet.adversary.pgd import input_gradient
from taet.losses import cross_entropy
from taet.networks.network import build_model

REPEATS, STEPS, BATCH = 9, 60, 64
NETWORK = {
    "options": {"kind": "small_cnn", "normalization": "none", "width": 16},
    "channels": 1,
    "size": 8,
    "classes": 10,
    "pixels": None,
    "head": {"kind": "linear"},
}


def seconds(model: torch.nn.Module, x: torch.Tensor, y: torch.Tensor) -> float:
    start = time.process_time()
    for _ in range(STEPS):
        input_gradient(model, x, y, cross_entropy)
    return (time.process_time() - start) / STEPS


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    x, y = torch.rand(BATCH, 1, 8, 8), torch.randint(0, 10, (BATCH,))
    last = build_model(NETWORK, seed=0)
    first = build_model(NETWORK, seed=0).to(memory_format=torch.contiguous_format)
    seconds(first, x, y), seconds(last, x, y)
    pairs = [(seconds(first, x, y), seconds(last, x, y)) for _ in range(REPEATS)]
    results = Results("memory_format")
    results.add("input gradient, channels first", [1e3 * a for a, _ in pairs], "ms")
    results.add("input gradient, channels last", [1e3 * b for _, b in pairs], "ms")
    results.add("channels last against first", [a / b for a, b in pairs], "times as fast")
    results.keep()


if __name__ == "__main__":
    main()

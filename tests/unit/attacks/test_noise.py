"""Random numbers against SplitMix64 in Python's whole numbers."""

import numpy as np
import torch

from taet.adversary.noise import Noise
from tests.unit.attacks.literal import again, normal, uniform, words

SEED, INDEX = 5, [0, 7, 59_999]
NOISE = Noise(SEED, torch.tensor(INDEX))


def test_every_number() -> None:
    for row, index in enumerate(INDEX):
        ours = NOISE.uniform("start", 2, 3)[row].flatten()
        np.testing.assert_array_equal(ours, uniform(SEED, "start", index, 6))
        ours = NOISE.normal("start", 2, 3)[row].flatten()
        np.testing.assert_allclose(ours, normal(SEED, "start", index, 6), rtol=1e-5, atol=1e-6)
        ours = NOISE.signs("start", 2, 3)[row].flatten()
        expected = [1.0 if word >> 63 else -1.0 for word in words(SEED, "start", index, 6)]
        np.testing.assert_array_equal(ours, expected)


def test_restarts() -> None:
    draws = []
    for restart in range(4):
        noise = NOISE.for_restart(restart)
        assert noise.seed == again(SEED, restart)
        draws.append(noise.uniform("start", 6))
        assert torch.equal(draws[-1], NOISE.for_restart(restart).uniform("start", 6))
    assert all(not torch.equal(a, b) for i, a in enumerate(draws) for b in draws[:i])
    assert torch.equal(draws[0], NOISE.uniform("start", 6))

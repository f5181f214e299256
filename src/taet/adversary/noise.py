"""Random numbers of an evaluation: drawn for each image by its index, with a counter-based generator.

An image gets the same numbers whichever images share its batch, in whatever order, and however often a job
was interrupted: refilling batches changes no verdict. The generator is SplitMix64 (Steele et al. 2014) on
(seed, purpose, index of the image, position); torch's generators cannot draw the numbers of one image without
drawing those of all images before it.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from taet.seeds import seed_for

GOLDEN = 0x9E3779B97F4A7C15
FACTORS = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
SHIFTS = (30, 27, 31)


@dataclass(frozen=True)
class Noise:
    """Streams of random numbers of some images.

    Attributes:
        seed: of the evaluation.
        index: [B] int64, which image of the data set each is.
    """

    seed: int
    index: Tensor

    def rows(self, rows: Tensor) -> "Noise":
        """The streams of some of the images; ``rows`` are indices or a mask."""
        return Noise(self.seed, self.index[rows])

    def for_restart(self, restart: int) -> "Noise":
        """Streams of a random restart; restart 0 has these."""
        return Noise(seed_for("restart", self.seed, restart), self.index) if restart else self

    def uniform(self, purpose: str, *shape: int) -> Tensor:
        """U(0,1), [B, *shape] float32; the same for the same purpose."""
        return (_top_bits(self._words(purpose, math.prod(shape)), 24) / 2**24).view(-1, *shape)

    def normal(self, purpose: str, *shape: int) -> Tensor:
        """N(0,1), [B, *shape] float32 (Box and Muller 1958)."""
        size = math.prod(shape)
        words = self._words(purpose, 2 * size)
        # In (0,1], so that the logarithm is finite.
        radius = (-2 * ((_top_bits(words[:, :size], 24) + 1) / 2**24).log()).sqrt()
        angle = 2 * math.pi * _top_bits(words[:, size:], 24) / 2**24
        return (radius * angle.cos()).view(-1, *shape)

    def signs(self, purpose: str, *shape: int) -> Tensor:
        """-1 or 1 with equal probability, [B, *shape] float32."""
        return 2 * _top_bits(self._words(purpose, math.prod(shape)), 1).view(-1, *shape) - 1

    def _words(self, purpose: str, count: int) -> Tensor:
        """[B, count] int64 of 64 random bits."""
        stream = _mix(
            _wrap(seed_for("evaluation", self.seed, purpose)) + self.index * _wrap(GOLDEN)
        )
        position = torch.arange(1, count + 1, device=self.index.device) * _wrap(GOLDEN)
        return _mix(stream[:, None] + position)


def _wrap(word: int) -> int:
    """64 bits as torch's signed integer."""
    return word - (1 << 64) if word >= 1 << 63 else word


def _mix(words: Tensor) -> Tensor:
    """SplitMix64's finaliser; int64 arithmetic wraps, as it must."""
    for shift, factor in zip(SHIFTS, FACTORS, strict=False):
        words = (words ^ _shift_right(words, shift)) * _wrap(factor)
    return words ^ _shift_right(words, SHIFTS[-1])


def _shift_right(words: Tensor, bits: int) -> Tensor:
    """Logical shift; torch's own keeps the sign."""
    return (words >> bits) & ((1 << (64 - bits)) - 1)


def _top_bits(words: Tensor, bits: int) -> Tensor:
    return _shift_right(words, 64 - bits).float()

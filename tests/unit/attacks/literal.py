"""Attacks written a second time for one image, in numpy, on networks whose gradients are known.

``Net``: logits k = slope_k . x + offset_k - bend_k |x|^2; linear without ``bend``.
"""

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from taet.seeds import seed_for

Array = np.ndarray[Any, Any]
Gain = Callable[[Array, int], float]


class Net(nn.Module):
    def __init__(self, slope: Array, offset: Array, bend: Array | None = None) -> None:
        super().__init__()
        self.slope, self.offset = slope, offset
        self.bend = np.zeros(len(offset)) if bend is None else bend

    def forward(self, x: Tensor) -> Tensor:
        flat = x.flatten(1)
        slope, offset, bend = map(torch.from_numpy, (self.slope, self.offset, self.bend))
        return flat @ slope.T + offset - flat.square().sum(1, keepdim=True) * bend

    def at(self, x: Array) -> Array:
        return self.slope @ x + self.offset - self.bend * (x @ x)

    def gradient(self, x: Array, y: int, gain: Gain) -> Array:
        """By differences over the logits, from the fourth order on exact, and the chain rule."""
        z, h = self.at(x), 1e-3

        def slope(unit: Array) -> float:
            near, far = (gain(z + d * unit, y) - gain(z - d * unit, y) for d in (h, 2 * h))
            return (8 * near - far) / (12 * h)

        outer = np.array([slope(unit) for unit in np.eye(len(z))])
        outer[np.abs(outer) < 1e-11] = 0
        return outer @ self.slopes(x)

    def slopes(self, x: Array) -> Array:
        """Gradient of each logit."""
        return self.slope - 2 * self.bend[:, None] * x


# -- what attacks maximise -------------------------------------------------------------------------


def others(z: Array, y: int) -> Array:
    return np.delete(z, y)


def cross_entropy(scale: float = 1.0) -> Gain:
    return lambda z, y: math.log(sum(math.exp(scale * (v - z[y])) for v in z))


def cw(confidence: float) -> Gain:
    return lambda z, y: -max(z[y] - max(others(z, y)) + confidence, 0)


def dlr(z: Array, y: int) -> float:
    first, _, third = sorted(z, reverse=True)[:3]
    return -(z[y] - max(others(z, y))) / (first - third)


def dlr_targeted(towards: int) -> Gain:
    def gain(z: Array, y: int) -> float:
        first, _, third, fourth = sorted(z, reverse=True)[:4]
        return -(z[y] - z[towards]) / (first - (third + fourth) / 2)

    return gain


# -- random numbers: SplitMix64 in Python's whole numbers ------------------------------------------

WORD = (1 << 64) - 1


def mix(z: int) -> int:
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & WORD
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & WORD
    return z ^ (z >> 31)


def words(seed: int, purpose: str, index: int, count: int) -> list[int]:
    golden = 0x9E3779B97F4A7C15
    stream = mix((seed_for("evaluation", seed, purpose) + index * golden) & WORD)
    return [mix((stream + i * golden) & WORD) for i in range(1, count + 1)]


def uniform(seed: int, purpose: str, index: int, count: int) -> Array:
    return np.array([(word >> 40) / 2**24 for word in words(seed, purpose, index, count)])


def normal(seed: int, purpose: str, index: int, count: int) -> Array:
    drawn = [word >> 40 for word in words(seed, purpose, index, 2 * count)]
    pairs = zip(drawn[:count], drawn[count:], strict=True)
    return np.array(
        [
            math.sqrt(-2 * math.log((a + 1) / 2**24)) * math.cos(2 * math.pi * b / 2**24)
            for a, b in pairs
        ]
    )


def again(seed: int, restart: int) -> int:
    return seed_for("restart", seed, restart) if restart else seed


# -- attacks ---------------------------------------------------------------------------------------


def length(v: Array, norm: str) -> float:
    return float(np.abs(v).max() if norm == "linf" else math.sqrt(v @ v))


def ball(at: Array, x: Array, eps: float, norm: str) -> Array:
    if norm == "linf":
        return np.clip(np.clip(at, x - eps, x + eps), 0, 1)
    return np.clip(x + (at - x) * min(1, eps / max(length(at - x, norm), 1e-12)), 0, 1)


def start(kind: str, x: Array, eps: float, seed: int, index: int) -> Array:
    if kind == "zero":
        return x
    if kind == "gauss":
        return ball(x + 0.001 * normal(seed, "start", index, len(x)), x, eps, "linf")
    return np.clip(x + eps * (2 * uniform(seed, "start", index, len(x)) - 1), 0, 1)


def pgd(
    net: Net,
    x: Array,
    y: int,
    gain: Gain,
    eps: float,
    *,
    first: Array,
    step: float,
    steps: int,
    stop: bool,
) -> Array:
    at = first
    for _ in range(steps):
        if stop and net.at(at).argmax() != y:
            return at
        at = ball(at + step * np.sign(net.gradient(at, y, gain)), x, eps, "linf")
    return at


def apgd(
    net: Net, x: Array, y: int, gain: Gain, eps: float, norm: str, *, first: Array, steps: int
) -> Array:
    """Croce and Hein 2020, algorithm 1, with the checkpoints and conditions of their code."""
    check, smallest, shrink = (
        max(int(0.22 * steps), 1),
        max(int(0.06 * steps), 1),
        max(int(0.03 * steps), 1),
    )
    at = before = best = first
    value = top = gain(net.at(at), y)
    slope = best_slope = net.gradient(at, y, gain)
    eta, rises, since = 2 * eps, 0, 0
    reduced, top_then = True, top
    if net.at(at).argmax() != y:
        return at
    for k in range(steps):
        way = np.sign(slope) if norm == "linf" else slope / max(length(slope, norm), 1e-12)
        ahead = ball(at + eta * way, x, eps, norm)
        alpha = 1.0 if k == 0 else 0.75
        at, before = ball(at + alpha * (ahead - at) + (1 - alpha) * (at - before), x, eps, norm), at
        slope, new = net.gradient(at, y, gain), gain(net.at(at), y)
        rises += new > value
        value = new
        if new > top:
            best, top, best_slope = at, new, slope
        if net.at(at).argmax() != y:
            return at
        since += 1
        if since == check:
            halve = rises <= 0.75 * check or (not reduced and top_then >= top)
            if halve:
                eta, at, slope = eta / 2, best, best_slope
            reduced, top_then = halve, top
            check, since, rises = max(check - shrink, smallest), 0, 0
    return best


def corners(x: Array, eps: float) -> Array:
    """All vertices of the L-inf ball: where a convex function is largest."""
    return x + eps * np.array(list(itertools.product((-1, 1), repeat=len(x))))


def best_corner(net: Net, x: Array, y: int, gain: Gain, eps: float) -> Array:
    return max(corners(x, eps), key=lambda v: gain(net.at(v), y))

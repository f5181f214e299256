"""Losses of the methods from the papers' formulas, image by image, in numpy and float64.

Each takes the method's options ``o``, labels ``y``, counts ``n``, the head's outputs for clean and
adversarial images [B, C], and ``given``: what else the attack knows.
"""

import math
from collections.abc import Callable
from types import SimpleNamespace as Given
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def softmax(z: Array) -> Array:
    return np.exp(z) / np.exp(z).sum()


def ce(z: Array, k: int) -> float:
    return float(math.log(np.exp(z).sum()) - z[k])


def kl(p: Array, q: Array) -> float:
    return float(sum(a * math.log(a / b) for a, b in zip(p, q, strict=True)))


def mean(values: Any) -> float:
    values = list(values)
    return sum(values) / len(values)


def plain(o: Any, y: list[int], n: list[int], clean: Array, adv: Array, given: Given) -> float:
    """Madry et al. 2018, eq. 2.1; ADT's outer loss; clean training on what its attack gives."""
    return mean(ce(z, k) for z, k in zip(adv, y, strict=True))


def trades(o: Any, y: list[int], n: list[int], clean: Array, adv: Array, given: Given) -> float:
    """Zhang et al. 2019, eq. 5."""
    return mean(
        ce(z, k) + o.beta * kl(softmax(z), softmax(a))
        for z, a, k in zip(clean, adv, y, strict=True)
    )


def mart(o: Any, y: list[int], n: list[int], clean: Array, adv: Array, given: Given) -> float:
    """Wang et al. 2020, eq. 8 and 11, with the guards of the authors' code."""
    total = 0.0
    for z, a, k in zip(clean, adv, y, strict=True):
        p, q = softmax(z), softmax(a)
        total -= math.log(q[k]) + math.log(1.0001 - max(np.delete(q, k)) + 1e-12)
        total += o.beta * kl(p, q + 1e-12) * (1.0000001 - p[k])
    return total / len(y)


def he(o: Any, y: list[int], n: list[int], clean: Array, adv: Array, given: Given) -> float:
    """Pang et al. 2020, eq. 10."""
    total = 0.0
    for cosines, k in zip(adv, y, strict=True):
        own = math.exp(o.scale * (cosines[k] - o.margin))
        others = sum(math.exp(o.scale * c) for i, c in enumerate(cosines) if i != k)
        total -= math.log(own / (own + others))
    return total / len(y)


def gairat(o: Any, y: list[int], n: list[int], clean: Array, adv: Array, given: Given) -> float:
    """Zhang et al. 2021, eq. 6."""
    losses = [ce(z, k) for z, k in zip(adv, y, strict=True)]
    if given.epoch < o.begin_epoch:
        return mean(losses)
    omega = [(1 + math.tanh(o.lam + 5 * (1 - 2 * k / given.steps))) / 2 for k in given.kappa]
    return sum(w * v for w, v in zip(omega, losses, strict=True)) / sum(omega)


def las_at(o: Any, y: list[int], n: list[int], clean: Array, adv: Array, given: Given) -> float:
    """Jia et al. 2022: smoothed labels."""
    total = 0.0
    for z, k in zip(adv, y, strict=True):
        for i, q in enumerate(softmax(z)):
            share = o.confidence if i == k else (1 - o.confidence) / (len(n) - 1)
            total -= share * math.log(q)
    return total / len(y)


def robal(o: Any, y: list[int], n: list[int], clean: Array, adv: Array, given: Given) -> float:
    """Wu et al. 2021, as in their code: the divergence is that of the unscaled cosines."""
    total = 0.0
    for g, a, k in zip(clean, adv, y, strict=True):
        logits = np.array(
            [o.scale * c + o.tau_b * math.log(m / sum(n)) for c, m in zip(a, n, strict=True)]
        )
        logits[k] -= o.scale * o.margin + o.tau_m * math.log(n[k] / min(n))
        total += ce(logits, k) + o.beta * kl(softmax(g), softmax(a))
    return total / len(y)


def reat(o: Any, y: list[int], n: list[int], clean: Array, adv: Array, given: Given) -> float:
    """Li et al. 2023: balanced softmax, and TAIL on features, whose anchors have no gradient."""
    fit = mean(ce(z + np.log(n), k) for z, k in zip(adv, y, strict=True))
    by_size = sorted(range(len(n)), key=lambda c: -n[c])
    tail = [b for b, k in enumerate(y) if by_size.index(k) >= len(n) // 3 * 2 + 1]
    p, anchors = ([softmax(f) for f in features] for features in (given.features, given.anchors))
    total = 0.0
    for b in tail:
        divergences = [kl(anchors[b], q) for q in p]
        if o.tail_reduction == "batch_mean":
            divergences = [mean(divergences) / len(p[0])] * len(p)
        for j, divergence in enumerate(divergences):
            weight = math.sqrt(sum(n) / n[y[b]]) + math.sqrt(sum(n) / n[y[j]])
            total += (-1 if y[b] == y[j] else 1) * weight * divergence
    return fit + o.tail * total / (len(tail) * len(y))


def at_bsl(o: Any, y: list[int], n: list[int], clean: Array, adv: Array, given: Given) -> float:
    """Yue et al. 2024: n_y^tau exp(z_y) over the sum of the like."""
    total = 0.0
    for z, k in zip(adv, y, strict=True):
        weights = [m**o.tau * math.exp(v) for m, v in zip(n, z, strict=True)]
        total -= math.log(weights[k] / sum(weights))
    return total / len(y)


def bsl_trades(o: Any, y: list[int], n: list[int], clean: Array, adv: Array, given: Given) -> float:
    """n_y^tau exp(z_y) over the sum of the like, on clean or adversarial images, plus the KL of TRADES."""
    fit = at_bsl(o, y, n, clean, clean if o.fit == "clean" else adv, given)
    return fit + o.beta * mean(kl(softmax(z), softmax(a)) for z, a in zip(clean, adv, strict=True))


def cfa(o: Any, y: list[int], n: list[int], clean: Array, adv: Array, given: Given) -> float:
    """Wei et al. 2023, eq. 7 and 8, on PGD-AT without them; ``shares`` are t_k."""
    if o.beta is None:
        return plain(o, y, n, clean, adv, given)
    total = 0.0
    for z, a, k in zip(clean, adv, y, strict=True):
        calibrated = given.epoch >= o.begin_epoch
        beta = o.beta * (o.regularization_base + given.shares[k]) if calibrated else o.beta
        total += ce(z, k) / (1 + beta) + beta / (1 + beta) * kl(softmax(z), softmax(a))
    return total / len(y)


def dafa(o: Any, y: list[int], n: list[int], clean: Array, adv: Array, given: Given) -> float:
    """Lee et al. 2024, weights as in their code, pair by pair."""
    weights = [1.0] * len(n)
    if given.epoch >= o.begin_epoch:
        weights = dafa_weights(given.similarity, o.lam)
    total = 0.0
    for z, a, k in zip(clean, adv, y, strict=True):
        if o.beta is None:
            total += weights[k] * ce(a, k)
        else:
            total += weights[k] * ce(z, k) + o.beta * kl(softmax(z), softmax(a))
    return total / len(y)


def dafa_weights(similarity: list[list[float] | None], lam: float) -> list[float]:
    """A class of which nothing is known has None for its row."""
    weights = [1.0] * len(similarity)
    for i, mine in enumerate(similarity):
        for j, others in enumerate(similarity):
            if i == j or mine is None or others is None:
                continue
            weights[i] += (1 if mine[i] < others[j] else -1) * lam * mine[j] * others[j]
    return weights


def wat(o: Any, y: list[int], n: list[int], clean: Array, adv: Array, given: Given) -> float:
    """Li and Liu 2023, weights as in their code; ``costs`` of the classes, then of all images."""
    weights = wat_weights(given.costs, o.eta)
    total = 0.0
    for z, a, k in zip(clean, adv, y, strict=True):
        total += (weights[k] + weights[-1]) * (ce(z, k) + o.beta * kl(softmax(z), softmax(a)))
    return total / len(y)


def wat_weights(costs: list[float], eta: float) -> list[float]:
    powers = [math.exp(eta * cost) for cost in costs]
    return [(len(costs) - 1) * power / sum(powers) for power in powers]


def frl(o: Any, y: list[int], n: list[int], clean: Array, adv: Array, given: Given) -> float:
    """Xu et al. 2021, weights as in their code; ``multipliers`` of clean and of boundary errors."""
    w, v = (
        [1 / len(n) + own - sum(row) / len(n) for own in row]
        for row in frl_multipliers(o, *given.multipliers, frl_excesses(o, given.correct))
    )
    total = 0.0
    for z, a, k in zip(clean, adv, y, strict=True):
        total += w[k] * ce(z, k) + o.beta * v[k] * kl(softmax(z), softmax(a))
    return total / sum(w[k] + v[k] for k in y)


def frl_excesses(o: Any, correct: list[tuple[int, int, int]]) -> list[list[float]]:
    """From images of each class, correct ones, correct ones under attack."""
    rows = []
    for bound, errors in (
        (o.clean_bound, [m and (m - right) / m for m, right, _ in correct]),
        (o.boundary_bound, [m and (right - robust) / m for m, right, robust in correct]),
    ):
        average = mean(e for e, (m, _, _) in zip(errors, correct, strict=True) if m)
        rows.append(
            [
                e - average - bound if m else 0.0
                for e, (m, _, _) in zip(errors, correct, strict=True)
            ]
        )
    return rows


def frl_multipliers(
    o: Any, before: list[list[float]], updates: int, excesses: list[list[float]]
) -> list[list[float]]:
    """After one more epoch; ``updates`` epochs went before it."""
    rows = []
    rates = [o.rate / 2 ** (updates // o.halving_epochs) * k for k in (1, 2)]
    for row, excess, rate in zip(before, excesses, rates, strict=True):
        grown = [max(own + rate * e, 0.0) for own, e in zip(row, excess, strict=True)]
        shrink = min(1.0, o.multiplier_limit / (sum(grown) or 1.0))
        rows.append([own * shrink for own in grown])
    return rows


def taet(o: Any, y: list[int], n: list[int], clean: Array, adv: Array, given: Given) -> float:
    """Wang et al. 2025: HARL."""
    per_class = []
    for c in range(len(n)):
        own = [ce(z, k) for z, k in zip(adv, y, strict=True) if k == c]
        if own or o.absent_classes == "zero":
            per_class.append(sum(own) / (len(own) + 1e-10))
    bcl, total = mean(per_class), sum(per_class)
    hdl = mean((v - bcl) ** 2 for v in per_class)
    rcel = sum((v / (total + 1e-10)) ** 2 for v in per_class)
    return o.alpha * bcl + o.beta * hdl + o.gamma * rcel


LOSSES: dict[str, Callable[..., float]] = {
    "clean": plain,
    "pgd_at": plain,
    "trades": trades,
    "mart": mart,
    "adt": plain,
    "he": he,
    "gairat": gairat,
    "las_at": las_at,
    "robal": robal,
    "reat": reat,
    "at_bsl": at_bsl,
    "bsl_trades": bsl_trades,
    "cfa": cfa,
    "dafa": dafa,
    "wat": wat,
    "frl": frl,
    "taet": taet,
}

"""DeepFool-L2 and CW-L2: in closed form on linear networks, and against a second version on a curved one."""

import numpy as np
import pytest

from tests.unit.attacks.literal import Array, Net
from tests.unit.attacks.scenes import IMAGE, LABELS, RIVAL, curved, one_rival, parts, run

NET, IMAGES = curved()
GAP = 0.5


@pytest.mark.parametrize("y", LABELS)
@pytest.mark.parametrize(("overshoot", "steps"), [(0.02, 50), (0.1, 1)])
def test_deepfool_goes_straight_over_the_boundary(overshoot: float, steps: int, y: int) -> None:
    net, rival = one_rival(y, GAP)
    (part,) = parts("deepfool_l2", overshoot=overshoot, steps=steps)
    x_adv = run(part, net, IMAGE[None], 0.5, [y])[0]
    way = (GAP + 1e-4) * RIVAL / (RIVAL @ RIVAL)
    np.testing.assert_allclose(x_adv, IMAGE + (1 + overshoot) * way, rtol=0, atol=1e-9)
    assert net.at(x_adv).argmax() == rival


def test_deepfool_goes_to_the_nearest_boundary_not_the_nearest_logit() -> None:
    slope = np.array([0 * RIVAL, RIVAL, -0.5 * RIVAL[::-1], 0 * RIVAL])
    net = Net(slope, -slope @ IMAGE - np.array([0.0, 0.5, 0.4, 9.0]))
    (part,) = parts("deepfool_l2")
    assert net.at(run(part, net, IMAGE[None], 0.5, [0])[0]).argmax() == 1


def test_deepfool_measures_distances_not_squares() -> None:
    """0.5 to one boundary and 0.6 to the other, in lengths of RIVAL; by squared slopes, 0.5 and 0.3."""
    slope = np.array([0 * RIVAL, RIVAL, -2 * RIVAL[::-1], 0 * RIVAL])
    net = Net(slope, -slope @ IMAGE - np.array([0.0, 0.5, 1.2, 9.0]))
    (part,) = parts("deepfool_l2")
    assert net.at(run(part, net, IMAGE[None], 0.5, [0])[0]).argmax() == 1


def deepfool(net: Net, x: Array, y: int, overshoot: float, steps: int) -> Array:
    """Moosavi-Dezfooli et al. 2016, algorithm 2."""
    total = np.zeros_like(x)
    for _ in range(steps):
        at = np.clip(x + (1 + overshoot) * total, 0, 1)
        z = net.at(at)
        if z.argmax() != y:
            return at
        ways = []
        for k in range(len(z)):
            if k != y:
                w = net.slopes(at)[k] - net.slopes(at)[y]
                ways.append(((z[y] - z[k]) / np.sqrt(w @ w), (z[y] - z[k] + 1e-4) / (w @ w) * w))
        total = total + min(ways, key=lambda way: way[0])[1]
    return np.clip(x + (1 + overshoot) * total, 0, 1)


@pytest.mark.parametrize("steps", [1, 2, 50])
def test_deepfool(steps: int) -> None:
    (part,) = parts("deepfool_l2", steps=steps)
    x_adv = run(part, NET, IMAGES, 0.5)
    for x, y, ours in zip(IMAGES, LABELS, x_adv, strict=True):
        np.testing.assert_allclose(ours, deepfool(NET, x, y, 0.02, steps), rtol=0, atol=1e-8)


def carlini_wagner(
    net: Net, x: Array, y: int, c: float, confidence: float, steps: int, rate: float
) -> Array:
    """Adam on |x' - x|^2 + c max(z_y - max z_k + confidence, 0), x' = (tanh w + 1) / 2."""
    best, nearest = x, np.inf
    w = np.arctanh((1 - 1e-6) * (2 * x - 1))
    m, v = np.zeros_like(x), np.zeros_like(x)
    for k in range(1, steps + 1):
        at = (np.tanh(w) + 1) / 2
        distance = np.sqrt((at - x) @ (at - x))
        if net.at(at).argmax() != y and distance < nearest:
            best, nearest = at, distance
        slope, z = 2 * (at - x), net.at(at)
        rival = max((k for k in range(len(z)) if k != y), key=lambda k: z[k])
        if z[y] - z[rival] + confidence > 0:
            slope = slope + c * (net.slopes(at)[y] - net.slopes(at)[rival])
        slope = slope * (1 - np.tanh(w) ** 2) / 2
        m, v = 0.9 * m + 0.1 * slope, 0.999 * v + 0.001 * slope**2
        w = w - rate * (m / (1 - 0.9**k)) / (np.sqrt(v / (1 - 0.999**k)) + 1e-8)
    return best


@pytest.mark.parametrize(
    ("c", "confidence", "steps", "rate"),
    [(10.0, 0.0, 60, 0.02), (0.7, 0.5, 60, 0.05), (0.05, 0.0, 40, 0.1), (10.0, 0.0, 1, 0.02)],
)
def test_cw_l2(c: float, confidence: float, steps: int, rate: float) -> None:
    (part,) = parts("cw_l2", c=c, confidence=confidence, steps=steps, learning_rate=rate)
    x_adv = run(part, NET, IMAGES, 0.5)
    for x, y, ours in zip(IMAGES, LABELS, x_adv, strict=True):
        theirs = carlini_wagner(NET, x, y, c, confidence, steps, rate)
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6)

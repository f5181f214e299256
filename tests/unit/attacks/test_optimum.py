"""Linear networks, where the best image in the ball is known: every attack finds it, for every class."""

from typing import Any

import numpy as np
import pytest

from tests.unit.attacks.literal import (
    Net,
    best_corner,
    cross_entropy,
    cw,
    length,
)
from tests.unit.attacks.scenes import (
    IMAGE,
    LABELS,
    RIVAL,
    attacked,
    one_rival,
    parts,
    run,
)

GAP = 0.6
DISTANCE = {"linf": GAP / np.abs(RIVAL).sum(), "l2": GAP / np.sqrt(RIVAL @ RIVAL)}
WAY = {"linf": np.sign(RIVAL), "l2": RIVAL / np.sqrt(RIVAL @ RIVAL)}
GRADIENT: list[tuple[str, dict[str, Any]]] = [
    ("fgsm", {}),
    *(
        (kind, changes)
        for kind in ("pgd", "cw_linf", "lsa")
        for changes in (
            {"start": "zero"},
            {"start": "gauss"},
            {"start": "uniform"},
            {"convention": "last_iterate"},
            {"restarts": 3},
        )
        if kind != "lsa" or "restarts" not in changes
    ),
    *(
        ("autoattack", {"components": [component], "norm": norm, "eps": 0.5, "restarts": restarts})
        for component in ("apgd_ce", "apgd_dlr", "apgd_t")
        for norm in ("linf", "l2")
        for restarts in (1, 2)
    ),
]
SEARCH: list[tuple[str, dict[str, Any]]] = [
    ("autoattack", {"components": [component], "norm": norm, "eps": 0.5, "restarts": restarts})
    for component in ("fab_t", "square")
    for norm in ("linf", "l2")
    for restarts in (1, 2)
]


@pytest.mark.parametrize("y", LABELS)
@pytest.mark.parametrize(("kind", "changes"), GRADIENT)
def test_best_point_of_the_surface(kind: str, changes: dict[str, Any], y: int) -> None:
    """The image cannot be fooled, so all steps are taken."""
    norm, net = changes.get("norm", "linf"), one_rival(y, GAP)[0]
    eps = 0.7 * DISTANCE[norm]
    for part in parts(kind, **changes):
        if getattr(part, "rank", 0) > 1:
            continue
        x_adv = run(part, net, IMAGE[None], eps, [y])[0]
        precise = 1e-12 if norm == "linf" else 1e-3 * eps
        np.testing.assert_allclose(x_adv, IMAGE + eps * WAY[norm], rtol=0, atol=precise)
        assert length(x_adv - IMAGE, norm) == pytest.approx(eps, rel=1e-9)


@pytest.mark.parametrize("y", LABELS)
@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_each_target(rank: int, norm: str, y: int) -> None:
    """The part of the rival's rank finds what no other part finds."""
    net, _ = one_rival(y, GAP, rank)
    for component in ("apgd_t", "fab_t"):
        chain = parts("autoattack", components=[component], norm=norm, eps=0.5)
        eps = 1.06 * DISTANCE[norm]
        x_adv = [run(part, net, IMAGE[None], eps, [y])[0] for part in chain]
        assert [net.at(x).argmax() != y for x in x_adv] == [r == rank for r in (1, 2, 3)]


@pytest.mark.parametrize("factor", [0.98, 1.02])
@pytest.mark.parametrize(("kind", "changes"), [*GRADIENT, *SEARCH])
def test_fooled_where_it_is_possible(kind: str, changes: dict[str, Any], factor: float) -> None:
    norm = changes.get("norm", "linf")
    square = changes.get("components") == ["square"]
    beyond = 1.15 if square and norm == "l2" else factor  # its random search comes near only
    radius = (factor if factor < 1 else beyond) * DISTANCE[norm]
    for y in LABELS if factor > 1 and not square else LABELS[:2]:
        net, rival = one_rival(y, GAP)
        x_adv = attacked(parts(kind, **changes), net, radius, y)
        assert net.at(x_adv).argmax() == (y if factor < 1 else rival)
        assert length(x_adv - IMAGE, norm) <= radius * (1 + 1e-7)


def test_square_ends_in_the_corner() -> None:
    net, _ = one_rival(1, GAP)
    eps = 0.7 * DISTANCE["linf"]
    for part in parts("autoattack", components=["square"], restarts=3):
        x_adv = run(part, net, IMAGE[None], eps, [1])[0]
        np.testing.assert_allclose(x_adv, IMAGE + eps * WAY["linf"], rtol=0, atol=1e-8)


# Class 1 is the runner-up, but 2 and 3, a little behind, pull the first three pixels the other way.
HALF, UP, MIXED = np.full(6, 0.5), np.ones(6), np.array([-1.0, -1, -1, 1, 1, 1])


def rivals(gaps: list[float], y: int) -> Net:
    slope = np.array([0 * UP, UP, MIXED, MIXED])
    return Net(np.roll(slope, y, axis=0), np.roll(-slope @ HALF - gaps, y))


@pytest.mark.parametrize("y", LABELS)
@pytest.mark.parametrize(
    ("kind", "changes", "way", "gain"),
    [
        ("cw_linf", {"confidence": 50.0}, UP, cw(50.0)),
        ("cw_linf", {"confidence": 0.0}, UP, cw(0.0)),
        ("pgd", {}, MIXED, cross_entropy()),
        ("fgsm", {}, MIXED, cross_entropy()),
        ("lsa", {"scales": [1.0]}, MIXED, cross_entropy()),
        ("lsa", {"scales": [10.0]}, UP, cross_entropy(10.0)),  # the softmax sees the runner-up only
        ("lsa", {"scales": [0.1]}, MIXED, cross_entropy(0.1)),
    ],
)
def test_each_loss_has_a_direction_of_its_own(
    kind: str, changes: dict[str, Any], way: Any, gain: Any, y: int
) -> None:
    net = rivals([0.0, 3.0, 3.1, 3.1], y)
    (part,) = parts(kind, **changes, **({} if kind == "fgsm" else {"start": "zero"}))
    x_adv = run(part, net, HALF[None], 0.05, [y])[0]
    np.testing.assert_allclose(x_adv, HALF + 0.05 * way, rtol=0, atol=1e-12)
    np.testing.assert_allclose(x_adv, best_corner(net, HALF, y, gain, 0.05))


@pytest.mark.parametrize(
    ("confidence", "convention", "steps"),
    [
        (0.0, "last_iterate", 4),  # margin 0.2 - 0.06 n: negative from the fourth step on
        (0.25, "last_iterate", 8),
        (50.0, "last_iterate", 10),  # to the surface
        (0.0, "any_iterate", 4),
        (50.0, "any_iterate", 4),
    ],
)
def test_confidence_is_how_far_beyond_the_boundary(
    confidence: float, convention: str, steps: int
) -> None:
    net = rivals([0.0, 0.2, 9.0, 9.0], 2)
    changes = {"start": "zero", "step_size": 0.01, "steps": 30, "convention": convention}
    (part,) = parts("cw_linf", confidence=confidence, **changes)
    x_adv = run(part, net, HALF[None], 0.1, [2])[0]
    np.testing.assert_allclose(x_adv, HALF + 0.01 * steps, rtol=0, atol=1e-12)

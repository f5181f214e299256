"""FGSM, PGD, CW-Linf and LSA after one, two and more steps, against a second version for one image."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from taet.adversary import chains
from tests.unit.attacks.literal import Array, Gain, again, cross_entropy, cw, pgd, start
from tests.unit.attacks.scenes import (
    INDEX,
    LABELS,
    SEED,
    curved,
    inputs,
    options,
    parts,
    run,
)

EPS, STEP = 0.06, 0.025
NET, IMAGES = curved()


def second(
    gain: Gain, first: str, convention: str, steps: int, restart: int = 0, step: float = STEP
) -> Array:
    seed, images = again(SEED, restart), []
    for x, y, index in zip(IMAGES, LABELS, INDEX, strict=True):
        begin = start(first, x, EPS, seed, index)
        stop = convention == "any_iterate"
        images.append(pgd(NET, x, y, gain, EPS, first=begin, step=step, steps=steps, stop=stop))
    return np.array(images)


def agree(ours: Array, theirs: Array) -> None:
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-8)  # noise is float32
    assert np.abs(ours - IMAGES).max() <= EPS + 1e-12
    assert ours.min() >= 0
    assert ours.max() <= 1


KINDS: list[tuple[str, dict[str, Any], list[Gain]]] = [
    ("pgd", {}, [cross_entropy()]),
    ("cw_linf", {"confidence": 0.0}, [cw(0.0)]),
    ("cw_linf", {"confidence": 0.4}, [cw(0.4)]),
    ("lsa", {"scales": [10.0, 0.2]}, [cross_entropy(10.0), cross_entropy(0.2)]),
]


@pytest.mark.parametrize("steps", [1, 2, 5])
@pytest.mark.parametrize("convention", ["any_iterate", "last_iterate"])
@pytest.mark.parametrize("first", ["zero", "gauss", "uniform"])
@pytest.mark.parametrize(("kind", "changes", "gains"), KINDS)
def test_steps(
    kind: str, changes: dict[str, Any], gains: list[Gain], first: str, convention: str, steps: int
) -> None:
    common = {"steps": steps, "step_size": STEP, "start": first, "convention": convention}
    for part, gain in zip(parts(kind, **changes, **common), gains, strict=True):
        agree(run(part, NET, IMAGES, EPS), second(gain, first, convention, steps))


def test_scene_is_not_trivial() -> None:
    """Some images are fooled on the way and some are not, and the conventions differ."""
    last, stopped = (
        second(cross_entropy(), "zero", convention, 5)
        for convention in ("last_iterate", "any_iterate")
    )
    fooled = [NET.at(x).argmax() != y for x, y in zip(last, LABELS, strict=True)]
    assert 0 < sum(fooled) < len(LABELS)
    assert not np.array_equal(last, stopped)
    assert [NET.at(x).argmax() for x in IMAGES] == LABELS


@pytest.mark.parametrize("kind", ["pgd", "cw_linf"])
def test_restarts_begin_elsewhere(kind: str) -> None:
    gain = cross_entropy() if kind == "pgd" else cw(50.0)
    common = {"steps": 1, "step_size": 1e-6, "start": "uniform", "convention": "last_iterate"}
    chain = parts(kind, restarts=3, **common)
    x_adv = [run(part, NET, IMAGES, EPS) for part in chain]
    for restart, images in enumerate(x_adv):
        agree(images, second(gain, "uniform", "last_iterate", 1, restart, 1e-6))
    for i, images in enumerate(x_adv):
        assert all(np.abs(images - other).max() > 0.01 for other in x_adv[:i])
        assert np.array_equal(images, run(chain[i], NET, IMAGES, EPS))


def test_parts_with_the_same_start_share_their_noise() -> None:
    common = {"steps": 1, "step_size": 1e-6, "start": "gauss"}
    x_adv = [
        run(part, NET, IMAGES, EPS)
        for kind in ("pgd", "cw_linf", "lsa")
        for part in parts(kind, **common)
    ]
    assert len(x_adv) == 4
    for other in x_adv[1:]:
        np.testing.assert_allclose(x_adv[0], other, rtol=0, atol=3e-6)


def test_fgsm_is_one_step_of_eps_from_the_image() -> None:
    (part,) = parts("fgsm")
    agree(run(part, NET, IMAGES, EPS), second(cross_entropy(), "zero", "any_iterate", 1, step=EPS))


def test_shared_steps_are_the_same_steps() -> None:
    """PGD-2, PGD-5 and another PGD-4: one goes on from the other; the third goes its own way."""
    common = {"start": "uniform", "step_size": STEP}
    attacks = {
        "two": options("pgd", steps=2, **common),
        "five": options("pgd", steps=5, **common),
        "other": options("pgd", steps=4, start="uniform", step_size=STEP / 2),
        "last": options("pgd", steps=5, convention="last_iterate", **common),
        "last of two": options("pgd", steps=2, convention="last_iterate", **common),
        "again": options("pgd", steps=5, restarts=2, **common),
    }
    chain = {name: chains.chain_of(name, attacks) for name in attacks}
    assert {name: [(p.steps, p.continues) for p in parts] for name, parts in chain.items()} == {
        "two": [(2, False)],
        "five": [(2, False), (3, True)],
        "other": [(4, False)],
        "last": [(5, False)],
        "last of two": [(2, False)],
        "again": [(5, False), (5, False)],
    }
    assert [part.restart for part in chain["again"]] == [0, 1]
    begin, end = chain["five"]
    given = inputs(NET, IMAGES, EPS)
    halfway = begin.run(given)
    x_adv = end.run(replace(given, iterate=halfway)).flatten(1).numpy()
    agree(x_adv, second(cross_entropy(), "uniform", "any_iterate", 5))

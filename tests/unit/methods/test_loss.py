"""``Method.loss`` against the papers' formulas (``papers.py``): its value, and where its gradient goes."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from taet.networks.heads import build_head
from taet.networks.network import Network
from taet.study.params import plugins
from taet.training.method import Attacked, Batch, TrainingMethod
from tests.unit.methods.options import make
from tests.unit.methods.papers import LOSSES, Array

COUNTS = [50, 8, 23, 3, 12]  # unequal and unordered
LABELS = [0, 3, 2, 0, 4, 3, 2]  # class 1 is absent; 3 is the rarest
KAPPA = [0.0, 9, 4, 2, 7, 5, 1]
STEPS = 9  # odd: K / 2 is no whole number
SHAPE = (len(LABELS), 1, 2, 3)
# CFA: t_k of an epoch in which class 1 had no image, so that its own is older. DAFA: mean probabilities of an
# epoch without images of class 1; classes 0 and 4 are equally hard.
SHARES = [6 / 9, 2 / 5, 3 / 7, 0.0, 1.0]
SIMILARITY: list[list[float] | None] = [
    [0.6, 0.05, 0.2, 0.05, 0.1],
    None,
    [0.3, 0.1, 0.45, 0.1, 0.05],
    [0.5, 0.02, 0.1, 0.08, 0.3],
    [0.1, 0.1, 0.15, 0.05, 0.6],
]
IMAGES = [40, 0, 20, 4, 10]
# WAT: costs before and after an epoch with the mean losses 1.5, none, 2.5, 0.5, 0.5, and 7/6 of all images.
COSTS = [1.0, 2.0, 0.5, 3.0, 0.7, 1.2]
NEW_COSTS = [2.5, 2.0, 3.0, 3.5, 1.2, 1.2 + 7 / 6]
# FRL: multipliers after five epochs; images of each class, correct ones, correct ones under attack.
MULTIPLIERS = ([[0.1, 0.02, 0.0, 0.05, 0.0], [0.0, 0.1, 0.02, 0.05, 0.03]], 5)
CORRECT = [(40, 30, 20), (0, 0, 0), (20, 12, 4), (4, 1, 1), (10, 9, 8)]
STATES: dict[str, dict[str, Any]] = {
    "cfa": {
        "seen": [9, 0, 7, 2, 4], "correct": [6, 0, 3, 0, 4], "averaging": False,
        "last_seen": [8, 5, 8, 8, 8], "last_correct": [1, 2, 1, 1, 1],
    },
    "dafa": {
        "seen": IMAGES,
        "probabilities": [
            [n * p for p in row or [0.0] * 5] for n, row in zip(IMAGES, SIMILARITY, strict=True)
        ],
    },
    "wat": {"sums": [[8, 12.0], [0, 0.0], [4, 10.0], [2, 1.0], [10, 5.0]], "costs": COSTS},
    "frl": {
        "sums": [list(map(float, row)) for row in CORRECT], "multipliers": MULTIPLIERS[0],
        "phi": [0.0] * 5, "updates": MULTIPLIERS[1],
    },
}  # fmt: skip

# (kind, options that differ from ``options.py``, epoch)
CASES: list[tuple[str, dict[str, Any], int]] = [
    ("clean", {}, 0),
    ("pgd_at", {}, 0),
    ("trades", {}, 0),
    ("mart", {}, 0),
    ("adt", {}, 0),
    ("he", {}, 0),
    ("he", {"projected": True}, 0),
    ("he", {"margin": 0.0}, 0),
    ("gairat", {"begin_epoch": 4}, 3),
    ("gairat", {"begin_epoch": 4}, 4),
    ("gairat", {"lam": 0.4, "begin_epoch": 0}, 0),
    ("las_at", {}, 0),
    ("robal", {}, 0),
    ("robal", {"tau_b": 0.0, "tau_m": 0.0}, 0),
    ("robal", {"beta": 0.0, "softening": 0.0}, 0),
    ("reat", {}, 0),
    ("reat", {"tail_reduction": "per_pair"}, 0),
    ("reat", {"tail": 0.0}, 0),
    ("at_bsl", {}, 0),
    ("at_bsl", {"tau": 1.0}, 0),
    ("at_bsl", {"tau": 0.0}, 0),
    ("bsl_trades", {}, 0),
    ("bsl_trades", {"fit": "adversarial"}, 0),
    ("bsl_trades", {"tau": 0.0}, 0),
    ("cfa", {}, 1),
    ("cfa", {"begin_epoch": 4}, 3),
    ("cfa", {"regularization_base": 0.0}, 1),
    ("cfa", {"beta": None, "regularization_base": None}, 1),
    ("dafa", {}, 1),
    ("dafa", {"begin_epoch": 4}, 3),
    ("dafa", {"lam": 0.0}, 1),
    ("dafa", {"beta": None}, 1),
    ("wat", {}, 1),
    ("frl", {}, 1),
    ("frl", {"halving_epochs": 1}, 1),
    ("frl", {"multiplier_limit": 0.9}, 1),
    ("frl", {"rate": 0.0}, 1),
    ("taet", {}, 0),
    ("taet", {"absent_classes": "skip"}, 0),
    ("taet", {"beta": 0.0, "gamma": 0.0}, 0),
    ("taet", {"alpha": 0.0, "gamma": 0.0}, 0),
    ("taet", {"alpha": 0.0, "beta": 0.0}, 0),
    ("taet", {"extra_clean_forward": True}, 0),
]
IDS = [f"{kind} {changes} epoch {epoch}" for kind, changes, epoch in CASES]


def scene(method: TrainingMethod) -> tuple[Network, dict[str, Array]]:
    """A network whose features are the pixels; clean and adversarial images that have nothing in common."""
    torch.manual_seed(5)
    network = Network(nn.Flatten(), build_head(method.head, 6, len(COUNTS)), None).train()
    random = np.random.default_rng(1)
    weight = 3 * random.normal(size=(len(COUNTS), 6))
    if method.head.get("projected"):
        weight /= np.linalg.norm(weight, axis=1, keepdims=True)
    clean, adv = random.random(SHAPE), random.random(SHAPE)
    return network, {"clean": clean, "adv": adv, "weight": weight}


def outputs(images: Array, weight: Array, head: dict[str, Any], bias: Array) -> Array:
    """Of a linear head, or cosines with softened norms; projected weights are taken as they are."""
    features = images.reshape(len(images), -1)
    if head["kind"] == "linear":
        return features @ weight.T + bias
    features = features / np.linalg.norm(features, axis=1, keepdims=True)
    if not head["projected"]:
        weight = weight / (np.linalg.norm(weight, axis=1, keepdims=True) + head["softening"])
    return features @ weight.T


@pytest.mark.parametrize(("kind", "changes", "epoch"), CASES, ids=IDS)
def test_value_and_gradient(kind: str, changes: dict[str, Any], epoch: int) -> None:
    method = make(kind, COUNTS, {"steps": STEPS}, **changes)
    if kind in STATES:
        method.load_state({name: torch.tensor(value) for name, value in STATES[kind].items()})
        method.start_epoch(epoch)
    network, values = scene(method)
    bias = np.array([0.3, -0.2, 0.1, 0.5, -0.4])
    if kind == "clean":  # its attack does nothing
        values["adv"] = values["clean"]
    anchors = values["adv"].reshape(len(LABELS), -1)

    def paper(at: dict[str, Array]) -> float:
        clean, adv = (
            outputs(at[which], at["weight"], method.head, bias) for which in ("clean", "adv")
        )
        given = SimpleNamespace(
            epoch=epoch, steps=STEPS, kappa=KAPPA, anchors=anchors,
            features=at["adv"].reshape(len(LABELS), -1), shares=SHARES, similarity=SIMILARITY,
            costs=NEW_COSTS, multipliers=MULTIPLIERS, correct=CORRECT,
        )  # fmt: skip
        return LOSSES[kind](method.options, LABELS, COUNTS, clean, adv, given)

    clean, adv = (torch.tensor(values[which], requires_grad=True) for which in ("clean", "adv"))
    with torch.no_grad():
        network.head.weight.copy_(torch.tensor(values["weight"]))
        if network.head._parameters.get("bias") is not None:
            network.head.bias.copy_(torch.tensor(bias))
    attacked = Attacked(adv, {"kappa": torch.tensor(KAPPA)})
    loss = method.loss(network, Batch(clean, torch.tensor(LABELS), None, epoch), attacked)
    assert loss.shape == ()
    precision = 1e-7 if kind == "robal" else 1e-12  # RoBal's margins are float32
    assert loss.item() == pytest.approx(paper(values), rel=precision)

    inputs = {"clean": clean, "adv": adv, "weight": network.head.weight}
    gradients = torch.autograd.grad(loss, list(inputs.values()), allow_unused=True)
    random, h = np.random.default_rng(2), 1e-6
    for (name, of), gradient in zip(inputs.items(), gradients, strict=True):
        direction = random.normal(size=of.shape)
        above, below = (
            paper(values | {name: values[name] + sign * h * direction}) for sign in (1, -1)
        )
        slope = 0.0 if gradient is None else float((gradient.numpy() * direction).sum())
        assert slope == pytest.approx((above - below) / (2 * h), rel=1e-6, abs=1e-8), name


def test_every_method_has_a_case() -> None:
    assert {kind for kind, _, _ in CASES} == set(plugins.names("methods")) == set(LOSSES)


@pytest.mark.parametrize(
    ("kind", "head", "scale", "tau"),
    [
        ("he", {"kind": "cosine", "softening": 0.0, "projected": False}, 4.0, 0.0),
        ("robal", {"kind": "cosine", "softening": 0.05, "projected": False}, 5.0, 0.7),
        *((kind, {"kind": "linear"}, None, 0.0) for kind in LOSSES if kind not in ("he", "robal")),
    ],
)
def test_head_and_inference(
    kind: str, head: dict[str, Any], scale: float | None, tau: float
) -> None:
    """The saved model subtracts tau log p; most methods leave the outputs as they are."""
    method = make(kind, COUNTS, {})
    assert method.head == head
    bias = [-tau * np.log(n / sum(COUNTS)) for n in COUNTS]
    expected = None if scale is None else {"scale": scale, "bias": pytest.approx(bias, rel=1e-12)}
    assert method.inference() == expected


def test_tail_of_no_tail_is_nothing() -> None:
    """No image of a tail class in the batch: only the fit is left."""
    with_tail, without = (make("reat", COUNTS, {}, tail=tail) for tail in (0.8, 0.0))
    network, values = scene(with_tail)
    x, y = torch.tensor(values["adv"][:3]), torch.tensor([0, 2, 4])
    batch = Batch(torch.tensor(values["clean"][:3]), y, None, 0)
    assert with_tail.loss(network, batch, Attacked(x)) == without.loss(network, batch, Attacked(x))

"""Networks whose best perturbations are known, images of every class, and attacks from their options."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from taet.adversary.chains import chain_of
from taet.adversary.noise import Noise
from taet.adversary.parts import AttackInput, Part
from taet.options import AttackOptions
from taet.study.params import plugins
from tests.unit.attacks.literal import Array, Net, cw

SEED, INDEX = 5, [7, 3, 12, 40]  # of the noise; no image has the number of its row
SHAPE = (1, 2, 3)
CLASSES = len(INDEX)
LABELS = list(range(CLASSES))  # one image of each class

OPTIONS: dict[str, dict[str, Any]] = {
    "fgsm": {},
    "pgd": {"steps": 20, "step_size": 0.02, "start": "uniform", "convention": "any_iterate", "restarts": 1},
    "cw_linf": {
        "steps": 20, "step_size": 0.02, "start": "uniform", "confidence": 50.0, "convention": "any_iterate",
        "restarts": 1,
    },
    "lsa": {"scales": [10.0, 0.1], "steps": 20, "step_size": 0.02, "start": "uniform", "convention": "any_iterate"},
    "autoattack": {
        "norm": "linf", "eps": None, "components": ["apgd_ce", "apgd_dlr", "apgd_t", "fab_t", "square"],
        "steps": 30, "targets": 3, "queries": 300, "restarts": 1,
    },
    "cw_l2": {"c": 10.0, "confidence": 0.0, "steps": 3, "learning_rate": 0.02},
    "deepfool_l2": {"steps": 50, "overshoot": 0.02},
}  # fmt: skip


SQUARES = {"positions": ["all", "official"], "schedule": ["rescaled", "fixed"]}
OPTIONS["autoattack"] |= {f"square_{name}": values[0] for name, values in SQUARES.items()}


def options(kind: str, **changes: Any) -> AttackOptions:
    chosen = OPTIONS[kind] | changes
    block: AttackOptions = plugins.options_class("attacks", kind)(
        kind=kind, label=kind, job="j", **chosen
    )
    return block


def parts(kind: str, **changes: Any) -> tuple[Part, ...]:
    return chain_of("it", {"it": options(kind, **changes)})


IMAGE = np.array([0.42, 0.55, 0.61, 0.38, 0.5, 0.47])  # far from 0 and 1
RIVAL = np.array([1.0, -2.0, 0.5, 1.5, -0.7, 0.3])  # its slope less that of the other classes
COMMON = np.array([-3.0, 1.0, 2.0, 0.4, -5.0, 4.0])


def one_rival(y: int, gap: float, rank: int = 1, scale: float = 1.0) -> tuple[Net, int]:
    """A network in which the class ``y`` of the image has one boundary: to a rival, which is returned.

    The other classes never come nearer. Its logit is ``gap`` below that of ``y``, of rank ``rank``.
    """
    gaps = [0.0, gap, *[(0.3 if i < rank else 1.7) * gap * (1 + i / 9) for i in (1, 2)]]
    slope = scale * np.array([COMMON, COMMON + RIVAL, COMMON, COMMON])
    offset = -slope @ IMAGE - scale * np.array(gaps)
    return Net(np.roll(slope, y, axis=0), np.roll(offset, y)), (y + 1) % CLASSES


def curved() -> tuple[Net, Array]:
    """Gradients that turn on the way; an image of each class, more or less near to a boundary and to 0 or 1."""
    random = np.random.default_rng(3)
    slope, bend = random.normal(size=(CLASSES, 6)), np.array([0.9, -0.4, 0.6, 0.2])
    net = Net(2 * slope, np.zeros(CLASSES), 2 * bend)
    pool, images = np.clip(1.2 * random.random((3000, 6)) - 0.1, 0, 1), []
    net.offset = -np.mean([net.at(x) for x in pool], axis=0)
    for y, least in enumerate((0.1, 0.2, 0.3, 0.9)):
        margins = (-cw(99.0)(net.at(x), y) - 99 for x in pool)
        images.append(next(x for x, m in zip(pool, margins, strict=True) if 0 < m - least < 0.1))
    return net, np.array(images)


def torch_of(images: Array) -> Tensor:
    return torch.from_numpy(np.array(images)).view(-1, *SHAPE)


def inputs(net: Net, images: Array, eps: float, labels: list[int] = LABELS) -> AttackInput:
    x, index = torch_of(images), torch.tensor(INDEX[: len(images)])
    return AttackInput(net, x, torch.tensor(labels), eps, Noise(SEED, index), 3, x)


def run(part: Part, net: Net, images: Array, eps: float, labels: list[int] = LABELS) -> Array:
    """Adversarial images as rows."""
    return part.run(inputs(net, images, eps, labels)).flatten(1).numpy()


def attacked(chain: tuple[Part, ...], net: Net, eps: float, y: int) -> Array:
    """The one image after all parts, as an evaluation runs them: it leaves when it is fooled."""
    for part in chain:
        x_adv = run(part, net, IMAGE[None], eps, [y])[0]
        if net.at(x_adv).argmax() != y:
            break
    return x_adv

"""Methods with options that all differ: no weight equals another one, or 0 or 1."""

from typing import Any

import torch

from taet.study.params import plugins
from taet.study.params.load import load_params
from taet.training.method import TrainingContext, TrainingMethod
from taet.training_options import TrainingAttack
from tests.conftest import ROOT

OPTIONS: dict[str, dict[str, Any]] = {
    "clean": {},
    "pgd_at": {},
    "trades": {"beta": 2.5},
    "mart": {"beta": 3.5},
    "adt": {
        "steps": 2,
        "samples": 3,
        "learning_rate": 0.3,
        "entropy_weight": 0.4,
        "accumulate_gradients": True,
    },
    "he": {"scale": 7.0, "margin": 0.3, "projected": False, "inference_scale": 4.0},
    "gairat": {"lam": -0.7, "begin_epoch": 1},
    "las_at": {
        "eps_factors": [0.5, 1.2, 1.7],
        "steps": [1, 2, 4],
        "step_size_factors": [0.6, 1.4],
        "confidence": 0.6,
        "update_every": 2,
        "robust_reward": 2.3,
        "clean_reward": 0.9,
        "strategy_width": 8,
        "strategy_learning_rate": 0.02,
        "strategy_clip": 200.0,  # so that the size of the reward shows
        "copy_weight_decay": 0.03,
    },
    "robal": {
        "scale": 6.0,
        "margin": 0.2,
        "tau_b": 1.3,
        "tau_m": 0.4,
        "beta": 2.2,
        "softening": 0.05,
        "tau_p": 0.7,
        "inference_scale": 5.0,
    },
    "reat": {"tail": 0.8, "tail_reduction": "batch_mean"},
    "at_bsl": {"tau": 0.6},
    "bsl_trades": {"beta": 2.5, "tau": 0.6, "fit": "clean"},
    "cfa": {
        "beta": 2.5,
        "radius_base": 0.35,
        "regularization_base": 0.7,
        "begin_epoch": 1,
        "average_decay": 0.3,
        "average_threshold": 0.0,
        "average_begin_epoch": 0,
    },
    "dafa": {"beta": 2.5, "lam": 0.8, "begin_epoch": 1},
    "wat": {"beta": 2.5, "eta": 0.4},
    "frl": {
        "beta": 2.5,
        "clean_bound": 0.03,
        "boundary_bound": 0.04,
        "rate": 0.9,
        "halving_epochs": 2,
        "multiplier_limit": 0.4,
        "radius_rate": 0.6,
        "radius_limit": 1.4,
    },
    "taet": {
        "alpha": 0.3,
        "beta": 0.7,
        "gamma": 0.11,
        "absent_classes": "zero",
        "extra_clean_forward": False,
    },
}
COMMON = load_params(ROOT / "params.yaml").training
ATTACK = {"steps": 3, "step_size": 0.04, "eps": None, "start": "gauss", "batch_norm": "eval"}


def make(
    kind: str, counts: list[int], attack: dict[str, Any], epochs: int = 2, **changes: Any
) -> TrainingMethod:
    """A method with the options above, but for ``changes``; eps is 0.1."""
    chosen = {"training": COMMON} | OPTIONS[kind] | changes
    options = plugins.options_class("methods", kind)(kind=kind, label=kind, **chosen)
    setting = TrainingContext(
        torch.tensor(counts), 0.1, TrainingAttack(**ATTACK | attack), epochs, 1, 3
    )
    method: TrainingMethod = plugins.load("methods", kind).Method(options, setting)
    return method

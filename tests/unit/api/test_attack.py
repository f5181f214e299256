"""Adversarial images from Python: those on which the pipeline decides, whole and in the given order."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import taet
from taet.adversary.evaluation import evaluate
from taet.study.params.load import load_common
from tests.conftest import ROOT
from tests.unit.api.test_functions import linear, small_net

X = torch.rand(24, 1, 8, 8, generator=torch.Generator().manual_seed(1))
Y = small_net().eval()(X).argmax(1)
Y[:4] = (Y[:4] + 1) % 10  # misclassified when clean
EPS = 8 / 255


def test_images_are_those_of_the_pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The evaluation of the stage ``attack``, with the numbers of the images in a data set."""
    monkeypatch.chdir(tmp_path)
    common, index = load_common(ROOT / "params.yaml"), torch.arange(24) * 7 + 3
    for name in ("pgd20", "apgd_ce_t"):
        verdict = evaluate(
            small_net(),
            X.contiguous(memory_format=torch.channels_last),
            Y,
            {name: common.attacks[name]},
            eps=EPS,
            batch_size=common.evaluation.batch_size,
            seed=3,
            classes=10,
            index=index,
            with_images=True,
        ).verdicts[name]
        own = taet.attack(small_net(), X.numpy(), Y.numpy(), name, eps=EPS, seed=3, index=index)
        assert torch.equal(own.images, verdict.images)
        assert torch.equal(own.predictions, verdict.prediction)
        assert torch.equal(own.broken_by, verdict.broken_by)
        assert torch.equal(own.distances, verdict.distance)
        assert own.parts == verdict.parts
    other = taet.attack(small_net(), X, Y, "pgd20", eps=EPS, seed=3)
    own = taet.attack(small_net(), X, Y, "pgd20", eps=EPS, seed=3, index=index)
    assert not torch.equal(own.images, other.images), "noise is of the image, by its number"


def test_each_field_agrees_with_the_others() -> None:
    model = small_net()
    own = taet.attack(model, X, Y, "apgd_ce_t", eps="1/5")
    assert model.training
    model.eval()
    with torch.no_grad():
        assert torch.equal(own.predictions, model(own.images).argmax(1))
        assert torch.equal(own.clean_predictions, model(X).argmax(1))
    assert (own.images - X).abs().amax((1, 2, 3)).tolist() == pytest.approx(own.distances.tolist())
    assert own.distances.max() <= 0.2 + 1e-6
    assert torch.equal(own.robust, own.predictions == Y)
    assert not own.robust[:4].any(), "misclassified when clean"
    assert torch.equal(own.images[:4], X[:4])
    assert (own.broken_by[:4] == -1).all()
    fooled = ~own.robust & (own.clean_predictions == Y)
    assert fooled.any()
    assert torch.equal(own.broken_by >= 0, fooled)
    assert own.parts[:2] == ("APGD-CE", "APGD-T 1")
    assert own.broken_by.max() < len(own.parts)
    assert (own.norm, own.eps) == ("linf", 0.2)
    unbounded = taet.attack(model, X, Y, "deepfool_l2")
    assert (unbounded.norm, unbounded.eps) == ("l2", None)


def test_images_are_in_the_usual_order_in_memory() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(48, 10))
    own = taet.attack(model, torch.rand(5, 3, 4, 4), torch.arange(5), "fgsm")
    assert own.images.stride() == (48, 16, 4, 1)


def test_table_and_images_agree() -> None:
    y = linear()(X).argmax(1)
    table = taet.evaluate(linear(), (X, y), "apgd_ce_t", eps=0.05)
    own = taet.attack(linear(), X, y, "apgd_ce_t", eps=0.05)
    (accuracy,) = table.query("attack == 'apgd_ce_t' and scope == 'all'")["accuracy"]
    assert 0 < accuracy < 1
    assert own.robust.float().mean().item() == pytest.approx(accuracy)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"attack": "pgd"}, "^attack: no attack 'pgd'; did you mean 'pgd20'"),
        ({"attack": ["pgd20"]}, r"^attack: no attack \['pgd20'\]"),
        (
            {"attack": "autoattack_l2", "eps": 0.25},
            "^eps: autoattack_l2 is an L2 attack with a radius of its own, 0.5; leave eps out$",
        ),
        ({"attack": "cw_l2", "eps": 0.5}, "^eps: cw_l2 is an L2 attack without a radius; leave"),
        ({"eps": 8}, "^eps: must be above 0 and below 1"),
        ({"model": np.zeros(3)}, "^model: a ndarray; must be a torch.nn.Module"),
        ({"x": X[0]}, r"^images: of the shape \(1, 8, 8\); must be \[N, C, H, W\]"),
        ({"x": X.to_sparse()}, "^images: a sparse or nested tensor; make it dense"),
        ({"y": Y[:3]}, "^labels: 24 images and 3 labels"),
        ({"x": "digits"}, r"^x: a str; must be images \[N, C, H, W\], a tensor or an array"),
        ({"seed": -1}, "^seed '-1': must be a whole number"),
    ],
)
def test_refused_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(taet.UserError, match=message):
        taet.attack(**({"model": linear(), "x": X, "y": Y, "attack": "fgsm"} | arguments))

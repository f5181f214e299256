"""Evaluation on a model and attacks whose every verdict is known: brightness above or below a half, and shifts."""

import math
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

from taet.adversary import chains as chains_module
from taet.adversary.chains import longest, radius_of
from taet.adversary.evaluation import Evaluation, evaluate
from taet.adversary.norms import Norm
from taet.adversary.parts import AttackInput
from taet.study.run import resume

EPS = 0.12
BRIGHTNESS = [0.42, 0.46, 0.54, 0.60, 0.30, 0.48]
LABELS = [0, 0, 1, 1, 0, 1]  # the last image is misclassified when clean
INDEX = [20, 21, 22, 23, 24, 25]


class Brightness(nn.Module):
    """Class 1 is bright; in train mode it says the opposite."""

    def forward(self, x: Tensor) -> Tensor:
        gap = 20 * (x.flatten(1).mean(1) - 0.5)
        gap = -gap if self.training else gap
        return torch.stack([-gap, gap], 1)


@dataclass(frozen=True)
class Shift:
    """All pixels brighter by one amount; remembers what it was run on."""

    title: str
    amount: float
    continues: bool = False
    norm: Norm = "linf"
    bounded: bool = True
    seen: ClassVar[list[tuple[str, AttackInput]]] = []

    def run(self, inputs: AttackInput) -> Tensor:
        self.seen.append((self.title, inputs))
        return ((inputs.iterate if self.continues else inputs.x) + self.amount).clamp(0, 1)


BRIGHTER, DARKER = Shift("brighter", 0.05), Shift("darker", -0.05)
FURTHER = Shift("further", 0.05, continues=True)
FAR = Shift("far", 0.25, norm="l2", bounded=False)


CHAINS = {
    "both": (BRIGHTER, DARKER),
    "brighter": (BRIGHTER,),
    "twice": (BRIGHTER, FURTHER),
    "far": (FAR,),
}
IMAGES = torch.tensor(BRIGHTNESS).view(-1, 1, 1, 1).expand(-1, 1, 2, 2).contiguous()


def attacked(
    monkeypatch: pytest.MonkeyPatch, labels: list[int] = LABELS, **more: Any
) -> Evaluation:
    Shift.seen.clear()
    monkeypatch.setattr(chains_module, "chain_of", lambda name, attacks: CHAINS[name])
    options: Any = SimpleNamespace(cautions=list, ball=lambda eps: ("linf", eps), eot_samples=1)
    return evaluate(
        Brightness().train(),
        IMAGES,
        torch.tensor(labels),
        dict.fromkeys(CHAINS, options),
        eps=EPS,
        batch_size=2,
        seed=7,
        classes=2,
        index=torch.tensor(INDEX),
        **more,
    )


@pytest.fixture
def result(monkeypatch: pytest.MonkeyPatch) -> Evaluation:
    return attacked(monkeypatch)


def test_images(result: Evaluation, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last adversarial images of each attack; the clean image where that is misclassified."""
    assert {verdict.images for verdict in result.verdicts.values()} == {None}
    again = attacked(monkeypatch, with_images=True)
    added = {
        "both": [-0.05, 0.05, -0.05, -0.05, -0.05, 0],
        "brighter": [0.05, 0.05, 0.05, 0.05, 0.05, 0],
        "twice": [0.1, 0.05, 0.1, 0.1, 0.1, 0],
        "far": [0.25, 0.25, 0.25, 0.25, 0.25, 0],
    }
    for name, verdict in again.verdicts.items():
        assert verdict.images is not None
        assert (verdict.images - IMAGES)[:, 0, 0, 0].tolist() == pytest.approx(
            added[name], abs=1e-6
        )
        assert torch.equal(verdict.prediction, result.verdicts[name].prediction)
    wrong = [1 - label for label in result.clean.tolist()]
    none = attacked(monkeypatch, wrong, with_images=True).verdicts["both"].images
    assert torch.equal(none, IMAGES), "no image is classified correctly"


def test_images_do_not_depend_on_other_attacks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two chains that begin alike: the second does not run the beginning again."""
    chains = {"both": CHAINS["both"], "other": (BRIGHTER, Shift("darkest", -0.1))}
    images = []
    for names in (["other"], ["both", "other"]):
        monkeypatch.setattr(sys.modules[__name__], "CHAINS", {name: chains[name] for name in names})
        images.append(attacked(monkeypatch, with_images=True).verdicts["other"].images)
    assert torch.equal(*images)
    assert [title for title, _ in Shift.seen].count("brighter") == 1, "for both chains"


def test_an_interrupted_evaluation_goes_on_with_attacks_in_another_order(
    monkeypatch: pytest.MonkeyPatch, result: Evaluation, tmp_path: Path
) -> None:
    """Keys do not see the order, so what was saved must not depend on it."""
    monkeypatch.setattr(resume, "SAVING_SHARE", math.inf)
    attacked(monkeypatch, resume=resume.ResumeFile(tmp_path / "file", "k", "t"))
    monkeypatch.setattr(sys.modules[__name__], "CHAINS", dict(reversed(CHAINS.items())))
    again = attacked(monkeypatch, resume=resume.ResumeFile(tmp_path / "file", "k", "t"))
    assert not Shift.seen, "nothing was attacked again"
    for name, verdict in again.verdicts.items():
        assert torch.equal(verdict.prediction, result.verdicts[name].prediction), name


def test_verdicts(result: Evaluation) -> None:
    assert result.clean.tolist() == [0, 0, 1, 1, 0, 0]
    predictions = {name: v.prediction.tolist() for name, v in result.verdicts.items()}
    assert predictions == {
        "both": [0, 1, 0, 1, 0, 0],
        "brighter": [0, 1, 1, 1, 0, 0],
        "twice": [1, 1, 1, 1, 0, 0],
        "far": [1, 1, 1, 1, 1, 0],
    }


def test_which_part_it_was_and_how_far(result: Evaluation) -> None:
    verdicts = result.verdicts
    assert verdicts["both"].broken_by.tolist() == [-1, 0, 1, -1, -1, -1]
    assert verdicts["twice"].broken_by.tolist() == [1, 0, -1, -1, -1, -1]
    twice = [0.1, 0.05, 0.1, 0.1, 0.1, 0.0]
    assert verdicts["twice"].distance.tolist() == pytest.approx(twice, abs=1e-6)
    far = [0.5, 0.5, 0.5, 0.5, 0.5, 0.0]  # L2 of four pixels
    assert verdicts["far"].distance.tolist() == pytest.approx(far, abs=1e-6)


def test_norm_and_bound(result: Evaluation) -> None:
    bounds = {name: (v.norm, v.eps) for name, v in result.verdicts.items()}
    assert bounds == {name: ("linf", EPS) for name in bounds if name != "far"} | {
        "far": ("l2", None)
    }


def test_what_parts_are_run_on(result: Evaluation) -> None:
    """On images that are still robust, with noise by their index in the data set."""
    seen = dict(Shift.seen)
    assert seen["brighter"].y.tolist() == [0, 0, 1, 1, 0]
    assert seen["brighter"].noise.index.tolist() == INDEX[:5]
    assert seen["darker"].noise.index.tolist() == [20, 22, 23, 24]
    assert seen["further"].iterate[:, 0, 0, 0].tolist() == pytest.approx([0.47, 0.59, 0.65, 0.35])
    assert {inputs.noise.seed for inputs in seen.values()} == {7}
    assert {inputs.eps for inputs in seen.values()} == {EPS}
    titles = [title for title, _ in Shift.seen]
    assert titles.count("brighter") == 2, "once for each chain that is no beginning of another"


def test_balls_are_told_apart() -> None:
    """A chain is shared inside one ball only."""
    wanted = [(0.1, (BRIGHTER,)), (0.2, (BRIGHTER, DARKER)), (0.1, (BRIGHTER, FURTHER))]
    assert longest(wanted) == wanted[1:]
    assert longest(wanted[:2]) == wanted[:2]


@pytest.mark.parametrize(("bound", "radius"), [(None, EPS), (0.03, 0.03)])
def test_radius(bound: float | None, radius: float) -> None:
    options: Any = SimpleNamespace(ball=lambda eps: ("l2", bound))
    assert radius_of(options, EPS) == radius

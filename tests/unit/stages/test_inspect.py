"""Which images of which classes are looked at, and with which noise they are attacked."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from taet.data.split_images import SplitImages
from taet.seeds import seed_for
from taet.stages import inspect

COUNTS = [9, 2, 7, 2, 4]
LABELS = torch.tensor([3, 0, 1, 4, 3, 1, 1, 4, 2, 3, 4, 4])
INDEX = 100 + torch.arange(len(LABELS))


def data() -> SplitImages:
    images = torch.arange(len(LABELS), dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 2, 2, 1)
    counts = torch.tensor(COUNTS)
    return SplitImages(
        {"test": images.clone()}, {"test": LABELS}, {"test": INDEX}, counts, 16, 1, 2
    )


@pytest.fixture
def rare(monkeypatch: pytest.MonkeyPatch) -> inspect._Rare:
    names = {"class_names": list("abcde")}
    monkeypatch.setattr(inspect, "load_model", lambda *where: nn.Identity())
    monkeypatch.setattr(inspect, "read_data", lambda *what: data())
    monkeypatch.setattr(inspect, "artifacts", SimpleNamespace(read_facts=lambda path: names))
    reads = {
        "checkpoint": "last",
        "inspection": SimpleNamespace(classes=3, images_per_class=2, perplexity=5),
        "headline_attack": "pgd",
        "attack": "its options",
        "threat": SimpleNamespace(eps=0.1),
    }
    split = SimpleNamespace(output="s")
    cell = {
        "dataset": "d",
        "imbalance_ratio": "10",
        "architecture": "net",
        "method": "m",
        "seed": 5,
    }
    network: Any = SimpleNamespace(output="o", key="k", cell=cell, inputs={"split": split})
    job: Any = SimpleNamespace(reads=reads)
    return inspect._Rare(job, network, torch.device("cpu"))


def test_the_first_images_of_the_rarest_classes(rare: inspect._Rare) -> None:
    """Class 4, then 1 and 3, which have as many images; class 1 has three of them, two are wanted."""
    assert rare.label.tolist() == [4, 4, 1, 1, 3, 3]
    assert rare.index.tolist() == [103, 107, 102, 105, 100, 104]
    assert rare.x[:, 0, 0, 0].tolist() == [place / 16 for place in (3, 7, 2, 5, 0, 4)]
    assert rare.first.tolist() == [0, 2, 4]


def test_first_where_a_class_has_few(monkeypatch: pytest.MonkeyPatch, rare: inspect._Rare) -> None:
    rare.reads["inspection"].images_per_class = 3
    job: Any = SimpleNamespace(reads=rare.reads)
    split = SimpleNamespace(output="s")
    network: Any = SimpleNamespace(output="o", key="k", cell=rare.cell, inputs={"split": split})
    uneven = data()
    uneven.labels["test"] = torch.where(LABELS == 4, 0, LABELS)
    uneven.labels["test"][3] = 4
    monkeypatch.setattr(inspect, "read_data", lambda *what: uneven)
    again = inspect._Rare(job, network, torch.device("cpu"))
    assert again.label.tolist() == [4, 1, 1, 1, 3, 3, 3]
    assert again.first.tolist() == [0, 1, 4]


def test_what_is_attacked(monkeypatch: pytest.MonkeyPatch, rare: inspect._Rare) -> None:
    given: dict[str, Any] = {}

    def evaluate(model: Any, x: Any, y: Any, attacks: Any, **rest: Any) -> Any:
        given.update(x=x, y=y, attacks=attacks, **rest)
        verdict = SimpleNamespace(prediction=torch.tensor([0, 1, 2]), images=x + 0.125)
        return SimpleNamespace(clean=torch.tensor([4, 1, 0]), verdicts={"pgd": verdict})

    monkeypatch.setattr(inspect, "evaluate", evaluate)
    rows, clean, added = rare.attacked()
    assert given["y"].tolist() == [4, 1, 3]
    assert given["index"].tolist() == [103, 102, 100]
    assert given["attacks"] == {"pgd": "its options"}
    assert (given["eps"], given["seed"], given["classes"]) == (0.1, 5, 5)
    assert list(rows["clean"]) == ["e", "b", "a"]
    assert list(rows["attacked"]) == ["a", "b", "c"]
    assert list(rows["test_image"]) == [103, 102, 100]
    assert clean[:, 0, 0, 0].tolist() == [3 / 16, 2 / 16, 0]
    assert (added == 0.125).all()


@pytest.mark.parametrize("seed", [5, 6])
def test_tsne_of_the_features_with_the_seed(
    monkeypatch: pytest.MonkeyPatch, rare: inspect._Rare, seed: int
) -> None:
    given: dict[str, Any] = {}

    class Tsne:
        def __init__(self, **options: Any) -> None:
            given.update(options)

        def fit_transform(self, features: Any) -> Any:
            given["features"] = features
            return features[:, :2] + [0.0, 1.0]

    rare.cell, rare.reads["compute"] = {**rare.cell, "seed": seed}, SimpleNamespace(threads=1)
    monkeypatch.setattr(inspect, "TSNE", Tsne)
    monkeypatch.setattr(inspect, "features_of", lambda model, x: x.flatten(1))
    rows = rare.embedded()
    assert given["random_state"] == seed_for("tsne", seed) % 2**32
    assert given["perplexity"] == pytest.approx(5 / 3), "of 6 images"
    assert (given["features"] == rare.x.flatten(1).numpy()).all()
    assert list(rows["x"]) == [value / 16 for value in (3, 7, 2, 5, 0, 4)]
    assert list(rows["y"] - rows["x"]) == [1.0] * 6
    assert list(rows["test_image"]) == rare.index.tolist()

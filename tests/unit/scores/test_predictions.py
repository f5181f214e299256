"""Predictions of one model, read from hand-made files of its attack jobs, with known worst cases and test sets."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from taet.errors import UserError
from taet.scores.predictions import Predictions, read_predictions
from taet.study.store import artifacts

EPS = 0.1
LABELS = [0, 0, 1, 1, 2, 2]
INDEX = [10, 11, 12, 13, 14, 15]
LONG_TAILED = [10, 11, 12, 14]
# Every attack fools other images; each is the only one that tells an image's worst case.
PREDICTED = {
    "clean": [0, 0, 1, 1, 2, 0],
    "fgsm": [1, 0, 1, 1, 2, 0],
    "pgd20": [0, 2, 1, 1, 2, 0],
    "pgd100": [0, 0, 0, 1, 2, 0],
    "cw20": [0, 0, 1, 2, 2, 0],
    "large": [0, 0, 1, 1, 1, 0],
    "l2": [0, 0, 1, 1, 1, 0],
}
NORMS = {"large": ("linf", 2 * EPS), "l2": ("l2", None)}
ORDER = ["fgsm", "pgd20", "pgd100", "cw20", "large", "l2"]
JOBS = (["fgsm", "cw20"], ["pgd20", "pgd100", "large"], ["l2"])


def attack_job(folder: Path, names: list[str], split: Any) -> Any:
    output, arrays, facts = folder / f"{names[0]}.safetensors", {}, {}
    for name in ("index", "label", "clean"):
        values = {"index": INDEX, "label": LABELS, "clean": PREDICTED["clean"]}[name]
        arrays[name] = np.array(values)
    for place, name in enumerate(names):
        norm, eps = NORMS.get(name, ("linf", EPS))
        arrays[f"{name}/prediction"] = np.array(PREDICTED[name])
        arrays[f"{name}/distance"] = np.full(len(LABELS), ORDER.index(name), np.float32)
        facts[name] = {
            "norm": norm,
            "eps": eps,
            "warnings": [f"of {name}", "of the model"][: 2 - place],
        }
    artifacts.write_arrays(output, arrays, "k", attacks=facts, warnings=["of the model"])
    cell = {"dataset": "d", "method": "m", "seed": 3, "job": names[0]}
    return SimpleNamespace(
        output=output, key="k", inputs={"split": split}, cell=cell, title=names[0]
    )


def read(folder: Path, attacks: Any = "all", eps: float = EPS) -> Predictions:
    split = SimpleNamespace(output=folder / "split.safetensors", key="s")
    artifacts.write_arrays(
        split.output,
        {"test_long_tailed": np.array(LONG_TAILED)},
        "s",
        class_counts=[2, 9, 5],
        class_names=["a", "b", "c"],
    )
    reads = {
        "groups": SimpleNamespace(head=1 / 3, tail=2 / 3),
        "order": ORDER,
        "worst_cases": {"worst": SimpleNamespace(attacks=attacks)},
        "threat": SimpleNamespace(eps=eps),
    }
    job: Any = SimpleNamespace(reads=reads)
    return read_predictions(job, [attack_job(folder, names, split) for names in JOBS])


def test_each_attack_by_its_name(tmp_path: Path) -> None:
    found = read(tmp_path)
    assert list(found.predicted) == ["clean", *ORDER, "worst"]
    for name, expected in PREDICTED.items():
        assert found.predicted[name].tolist() == expected, name
    assert {name: values[0] for name, values in found.distance.items()} == {
        name: place for place, name in enumerate(ORDER)
    }
    assert found.cell == {"dataset": "d", "method": "m", "seed": 3}


def test_worst_case_is_over_all_attacks_of_the_ball(tmp_path: Path) -> None:
    """FGSM, PGD-20, PGD-100 and CW break an image each; those of other balls and norms do not count."""
    found = read(tmp_path)
    assert found.predicted["worst"].tolist() == [1, 2, 0, 2, 2, 0]
    assert found.facts["worst"]["eps"] == EPS
    assert found.facts["worst"]["norm"] == "linf"
    assert found.facts["worst"]["warnings"] == [
        *("of fgsm", "of the model", "of pgd20", "of pgd100", "of cw20"),
    ]


def test_worst_of_some(tmp_path: Path) -> None:
    found = read(tmp_path, ["pgd20", "cw20"])
    assert found.predicted["worst"].tolist() == [0, 2, 1, 2, 2, 0]


def test_the_larger_ball(tmp_path: Path) -> None:
    assert read(tmp_path, eps=2 * EPS).predicted["worst"].tolist() == PREDICTED["large"]


@pytest.mark.parametrize("name", ["large", "l2"])
def test_another_adversary_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=f"{name} is not bounded by the L-inf eps 0.1"):
        read(tmp_path, ["pgd20", name])


def test_test_sets_and_groups(tmp_path: Path) -> None:
    found = read(tmp_path)
    assert found.test_sets["balanced"].tolist() == [True] * 6
    assert found.test_sets["long_tailed"].tolist() == [True, True, True, False, True, False]
    assert found.groups == {"head": [1], "tail": [0, 2]}

"""The tables of ``score`` from hand-made predictions: test sets, epochs, confusion, order of images, bootstrap."""

from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from taet.scores.bits import read_bits
from taet.scores.csv_bytes import csv_bytes
from taet.scores.predictions import Predictions
from taet.scores.summary import read_rows
from taet.seeds import seed_for
from taet.stages import score
from taet.study.store import artifacts
from tests.unit.report.test_tables import intervals, metrics

LABELS = np.array([0, 0, 0, 0, 1, 1, 2, 2])
CELL = {
    "dataset": "d",
    "imbalance_ratio": "10",
    "architecture": "net",
    "method": "m",
    "seed": 3,
    "checkpoint": "last",
}
PREDICTED = {
    "clean": np.array([0, 0, 0, 1, 1, 1, 2, 2]),
    "pgd": np.array([0, 0, 1, 2, 1, 0, 2, 1]),
}


def model(**changes: Any) -> Predictions:
    facts = {name: {"norm": "linf", "eps": 0.1, "warnings": [f"odd {name}"]} for name in PREDICTED}
    facts["clean"] |= {"norm": None, "eps": None}
    whole = {
        "cell": dict(CELL),
        "index": np.array([7, 3, 5, 1, 6, 2, 4, 0]),
        "label": LABELS,
        "predicted": PREDICTED,
        "distance": {"pgd": np.arange(8, dtype=np.float32)},
        "facts": facts,
        "test_sets": {
            "balanced": np.ones(8, dtype=bool),
            "long_tailed": np.array([1, 1, 1, 0, 1, 0, 0, 1], dtype=bool),
        },
        "train_counts": [9, 5, 2],
        "class_names": ["a", "b", "c"],
        "groups": {"head": [0], "medium": [1], "tail": [2]},
    }
    return Predictions(**whole | changes)


def test_metrics_of_both_test_sets() -> None:
    rows = list(score._rows(model()))
    found = {
        (row["test_set"], row["attack"], row["class_index"]): row["accuracy"]
        for row in rows
        if row["scope"] == "class"
    }
    assert found == pytest.approx(
        {
            ("balanced", "clean", 0): 0.75, ("balanced", "clean", 1): 1.0, ("balanced", "clean", 2): 1.0,
            ("balanced", "pgd", 0): 0.5, ("balanced", "pgd", 1): 0.5, ("balanced", "pgd", 2): 0.5,
            ("long_tailed", "clean", 0): 1.0, ("long_tailed", "clean", 1): 1.0, ("long_tailed", "clean", 2): 1.0,
            ("long_tailed", "pgd", 0): 2 / 3, ("long_tailed", "pgd", 1): 1.0, ("long_tailed", "pgd", 2): 0.0,
        }
    )  # fmt: skip
    (row,) = (
        r for r in rows if (r["test_set"], r["attack"], r["scope"]) == ("long_tailed", "pgd", "all")
    )
    assert row["balanced_accuracy"] == pytest.approx((2 / 3 + 1 + 0) / 3)
    assert (row["test_images"], row["train_images"]) == (5, 16)
    assert (row["norm"], row["eps"], row["warnings"]) == ("linf", 0.1, "odd pgd")
    assert (row["imbalance_ratio"], row["seed"], row["checkpoint"]) == ("10", 3, "last")


@pytest.mark.parametrize("test_set", ["balanced", "long_tailed"])
def test_confusion(test_set: str) -> None:
    job: Any = SimpleNamespace(reads={"test_set": test_set, "headline_attack": "pgd"})
    rows = pd.DataFrame(score._confusion(job, model()))
    found = rows[rows["attack"] == "pgd"].pivot(index="true", columns="predicted", values="share")
    expected = {
        "balanced": [[1 / 2, 1 / 4, 1 / 4], [1 / 2, 1 / 2, 0], [0, 1 / 2, 1 / 2]],
        "long_tailed": [[2 / 3, 1 / 3, 0], [0, 1, 0], [0, 1, 0]],
    }
    np.testing.assert_allclose(found.to_numpy(), expected[test_set])


@pytest.mark.parametrize("classes", [20, 21])
def test_confusion_is_of_classes_up_to_twenty(classes: int) -> None:
    labels = np.arange(classes)
    groups = {"head": list(range(5)), "tail": list(range(5, classes))}
    made = model(
        label=labels,
        predicted={"clean": labels, "pgd": labels},
        test_sets={"balanced": np.ones(classes, dtype=bool)},
        class_names=[str(c) for c in labels],
        groups=groups,
    )
    job: Any = SimpleNamespace(reads={"test_set": "balanced", "headline_attack": "pgd"})
    shown = {row["true"] for row in score._confusion(job, made)}
    assert shown == ({str(c) for c in labels} if classes == 20 else {"head", "tail"})


def test_confusion_between_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(score, "MOST_CONFUSED", 2)
    groups = {"head": [1], "tail": [0, 2]}
    job: Any = SimpleNamespace(reads={"test_set": "balanced", "headline_attack": "pgd"})
    rows = pd.DataFrame(score._confusion(job, model(groups=groups)))
    found = rows[rows["attack"] == "pgd"].set_index(["true", "predicted"])["share"]
    assert found["tail", "head"] == pytest.approx(2 / 6)
    assert found["head", "tail"] == pytest.approx(1 / 2)


@pytest.mark.parametrize("stop", [None, 2])
def test_epochs(tmp_path: Path, stop: int | None) -> None:
    history = [{"loss": 3.0 - i, "learning_rate": 0.1} for i in range(3)]
    output = tmp_path / "network.safetensors"
    artifacts.write_arrays(output, {"x": np.zeros(1)}, "k", history=history)
    stabilization = {} if stop is None else {"stage1": SimpleNamespace(reads={"stop": stop})}
    network: Any = SimpleNamespace(output=output, key="k", inputs=stabilization, cell=CELL)
    rows = list(score._epochs(network))
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    assert [row["loss"] for row in rows] == [3.0, 2.0, 1.0]
    assert [row["stage"] for row in rows] == ([2, 2, 2] if stop is None else [1, 1, 2])
    assert rows[0]["validation_accuracy"] is None


def test_images_of_a_seed_are_compared_in_the_order_of_the_data_set() -> None:
    (seed,) = score._seeds([model()], "balanced")
    assert seed.index.tolist() == list(range(8))
    assert seed.labels.tolist() == [2, 0, 1, 0, 2, 0, 1, 0]
    assert seed.correct["m", "pgd"].tolist() == [False, False, False, True, True, False, True, True]
    assert seed.scopes == {"all": [0, 1, 2], "head": [0], "medium": [1], "tail": [2]}
    (seed,) = score._seeds([model()], "long_tailed")
    assert seed.index.tolist() == [0, 3, 5, 6, 7]


def test_intervals_and_contrasts_of_a_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """All groups have intervals, only all and tail classes contrasts; draws and seeds as the parameters say."""
    drawn = []

    def resample(seeds: Any, draws: int, rng: Any) -> Any:
        drawn.append((draws, rng.bit_generator.state))
        return kept(seeds, draws, rng)

    kept = score.resample
    monkeypatch.setattr(score, "resample", resample)
    job: Any = SimpleNamespace(reads={"bootstrap": 37, "confidence": 0.9})
    other = model(cell=CELL | {"method": "o"}, predicted=dict.fromkeys(PREDICTED, LABELS))
    found = list(score._bootstrapped(job, [model(), other]))
    for test_set, (ranges, compared), (draws, state) in zip(
        ("balanced", "long_tailed"), found, drawn, strict=True
    ):
        assert {row["scope"] for row in ranges} == {"all", "head", "medium", "tail"}
        assert {row["scope"] for row in compared} == {"all", "tail"}
        assert {row["test_set"] for row in [*ranges, *compared]} == {test_set}
        assert draws == 37
        own = np.random.default_rng(seed_for("bootstrap", test_set, "d", "10", "net"))
        assert state == own.bit_generator.state
    tail = next(r for r in found[0][1] if (r["scope"], r["attack"]) == ("tail", "pgd"))
    assert (tail["method"], tail["other"], tail["difference"]) == ("m", "o", -0.5)


def test_tables_of_a_study(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """All models in the order of the grid; confusion of the checkpoint that is shown alone."""
    cells = [CELL | {"seed": s, "checkpoint": c} for s in (3, 4) for c in ("last", "best")]
    attacks = {str(i): SimpleNamespace(stage="attack", cell=cell) for i, cell in enumerate(cells)}
    monkeypatch.setattr(score, "read_predictions", lambda job, own: model(cell=own[0].cell))
    names = (
        "metrics",
        "summary",
        "differences",
        "intervals",
        "contrasts",
        "training",
        "confusion",
        "images",
        "correct",
    )
    job: Any = SimpleNamespace(
        inputs=attacks,
        output=tmp_path / "manifest.json",
        key="k",
        files=[tmp_path / f"{name}.csv" for name in reversed(names)],  # their order means nothing
        reads={
            "checkpoint": "best", "test_set": "balanced", "headline_attack": "pgd",
            "bootstrap": 10, "confidence": 0.95, "worst_cases": {},
        },
    )  # fmt: skip
    score.run(job)
    artifacts.verify_manifest(job.output, "k", job.files)
    images, correct = (read_rows(tmp_path / f"{name}.csv") for name in ("images", "correct"))
    assert len(images) == 2 * 8
    assert list(read_bits(images, correct)) == [tuple(cell.values()) for cell in cells]
    confusion, rows, bounds = (
        pd.read_csv(tmp_path / f"{name}.csv") for name in ("confusion", "metrics", "intervals")
    )
    assert len(confusion) == 2 * 2 * 9
    assert list(rows.drop_duplicates(["seed", "checkpoint"])["seed"]) == [3, 3, 4, 4]
    assert set(bounds["seeds"]) == {2}
    assert set(bounds["checkpoint"]) == {"last", "best"}
    of_files = [(tmp_path / f"{name}.csv").read_bytes() for name in ("metrics", "intervals")]
    for name, contents in score.summaries(*of_files, 0.95).items():
        assert (tmp_path / name).read_bytes() == contents


def test_numbers_over_seeds_are_of_metrics_as_written() -> None:
    """Shares have six digits; means and differences have all, and the intervals of their level."""
    shares = {"b": [0.6, 0.7, 0.70001], "a": [0.2, 0.25, 0.29]}
    rows = metrics(3)
    rows["balanced_accuracy"] = [
        shares[m][s] + 4e-7 for m, s in zip(rows["method"], rows["seed"], strict=True)
    ]
    contents = score.summaries(csv_bytes(rows, 6), csv_bytes(intervals(), 6), 0.9)
    summary, differences = (
        read_rows(BytesIO(contents[f"{name}.csv"])) for name in ("summary", "differences")
    )
    of_family = {"attack": "pgd", "scope": "tail"}
    (row,) = select(summary, method="b", **of_family)
    mean, sd = 2.00001 / 3, np.std(shares["b"], ddof=1)
    reach = (
        2.9199856 * sd / 3**0.5
    )  # Student's t with 2 degrees of freedom, 5 % beyond on each side
    assert row["balanced_accuracy"] == pytest.approx(mean, abs=1e-12)
    assert row["balanced_accuracy_high"] == pytest.approx(mean + reach, abs=1e-7)
    assert row["bootstrap_low"] == pytest.approx(0.35, abs=1e-12)
    (pair,) = select(differences, **of_family)
    assert (pair["method"], pair["other"], pair["seeds"]) == ("b", "a", 3)
    each = np.subtract(shares["b"], shares["a"])
    assert pair["difference"] == pytest.approx(each.mean(), abs=1e-12)
    # Of two methods Tukey's interval is that of the paired t-test.
    assert pair["high"] - pair["difference"] == pytest.approx(
        2.9199856 * each.std(ddof=1) / 3**0.5, abs=1e-6
    )
    assert pair["method_pooled"]


def select(rows: pd.DataFrame, **values: str) -> list[dict[str, Any]]:
    for column, value in values.items():
        rows = rows[rows[column] == value]
    return rows.to_dict("records")

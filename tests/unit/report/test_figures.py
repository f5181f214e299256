"""What figures show, number by number, from metrics in which no two numbers and no two spreads are alike."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from taet.report.figures.efficiency import _side_by_side
from taet.report.style import value_bar
from taet.scores.summary import over_seeds
from taet.study.params import plugins
from tests.unit.report.test_tables import SHOWN, metrics, training

LEVEL = {("b", "clean"): 0.8, ("b", "pgd"): 0.5, ("a", "clean"): 0.7, ("a", "pgd"): 0.2}
SD = {("b", "clean"): 0.04, ("b", "pgd"): 0.03, ("a", "clean"): 0.02, ("a", "pgd"): 0.01}


def uneven(ratio: str = "10", factor: float = 1.0) -> pd.DataFrame:
    """Balanced numbers of ``LEVEL`` and ``SD`` over three seeds; plain accuracies are 0.1 less, and half as wide."""
    rows = metrics(3)
    rows = rows[rows["attack"] != "worst"].assign(imbalance_ratio=ratio)
    pairs = list(zip(rows["method"], rows["attack"], strict=True))
    level = factor * np.array([LEVEL[pair] for pair in pairs])
    off = np.array([SD[pair] for pair in pairs]) * (rows["seed"] - 1)
    return rows.assign(balanced_accuracy=level + off, accuracy=level - 0.1 + off / 2)


def draw(name: str, frame: pd.DataFrame, shown: Any = SHOWN, **picture: Any) -> Figure:
    module = plugins.load("report.figures", name)
    rows = frame if hasattr(module, "SOURCE") else over_seeds(frame, 0.95)
    return module.draw(rows, shown, picture)


def bars(container: Any) -> tuple[list[float], list[list[float]]]:
    """Centres of an errorbar's points, x and y, and half the length of its bars, x first."""
    line, _, collections = container.lines
    ends = [np.array(c.get_segments()) for c in collections]
    return line.get_xydata().tolist(), [(np.ptp(e, axis=1).max(1) / 2).tolist() for e in ends]


def test_bars_are_spreads_over_seeds_or_standard_errors() -> None:
    row = {"balanced_accuracy": 0.5, "balanced_accuracy_sd": 0.02, "balanced_accuracy_se": 0.03}
    assert value_bar(pd.Series(row)) == pytest.approx((50, 2))
    assert value_bar(pd.Series(row | {"balanced_accuracy_sd": math.nan})) == pytest.approx((50, 3))


def test_robustness_against_accuracy() -> None:
    everything, _ = draw("ba_br", uneven()).axes
    for container, method in zip(everything.containers, ("b", "a"), strict=True):
        points, lengths = bars(container)
        clean, pgd = (100 * LEVEL[method, attack] for attack in ("clean", "pgd"))
        assert points == [pytest.approx([clean, pgd])]
        spreads = [[100 * SD[method, attack]] for attack in ("clean", "pgd")]
        assert lengths == [pytest.approx(spread) for spread in spreads]


def test_against_the_imbalance_ratio() -> None:
    """Ratios in the order of numbers, not of text."""
    frame = pd.concat([uneven("100", 0.5), uneven("20")])
    clean, attacked = draw("imbalance", frame, ratios=["100", "20"]).axes
    for axes, attack in ((clean, "clean"), (attacked, "pgd")):
        for container, method in zip(axes.containers, ("b", "a"), strict=True):
            points, (lengths,) = bars(container)
            assert [x for x, _ in points] == pytest.approx([20, 100], rel=0.02)
            level = 100 * LEVEL[method, attack]
            assert [y for _, y in points] == pytest.approx([level, level / 2])
            assert lengths == pytest.approx([100 * SD[method, attack]] * 2)
        assert [t.get_text() for t in axes.get_xticklabels()] == ["20", "100"]


def test_confusion_has_true_classes_in_rows() -> None:
    share = {("0", "0"): 0.9, ("0", "1"): 0.1, ("1", "0"): 0.4, ("1", "1"): 0.6}
    rows = [
        {"method": m, "seed": s, "attack": a, "true": t, "predicted": p, "share": value}
        for m in ("b", "a") for s in (0, 1) for a in ("clean", "pgd") for (t, p), value in share.items()
    ]  # fmt: skip
    panel = next(axes for axes in draw("confusion", pd.DataFrame(rows)).axes if axes.images)
    assert panel.images[0].get_array().tolist() == [
        pytest.approx([90, 10]),
        pytest.approx([40, 60]),
    ]


def test_weights_have_axes_of_their_own() -> None:
    """alpha upwards, beta to the right; robustness under the headline attack."""
    options = {"b": (0.1, 0.5, 0.0), "a": (1.0, 0.5, 0.0)}
    weights = {m: dict(zip(("alpha", "beta", "gamma"), w, strict=True)) for m, w in options.items()}
    shown = SHOWN | {"variants": {"k": weights}}
    axes = draw("loss_weights", uneven(), shown, kind="k", methods=["b", "a"]).axes[0]
    assert np.ma.filled(axes.images[0].get_array(), np.nan).tolist() == [
        [pytest.approx(50)],
        [pytest.approx(20)],
    ]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["0.1", "1"]
    assert [t.get_text() for t in axes.get_xticklabels()] == ["0.5"]


def test_classes_from_head_to_tail() -> None:
    frame = uneven()
    frame.loc[frame["class_index"] == "1", "train_images"] = 9
    first_class = frame["class_index"] == "0"
    frame.loc[first_class, "accuracy"] -= 0.05
    panels = [axes for axes in draw("per_class", frame).axes if axes.containers and axes.lines]
    for axes, method in zip(panels, ("b", "a"), strict=True):
        assert [t.get_text() for t in axes.get_xticklabels()] == ["1", "0"]
        for container, attack in zip(axes.containers, ("clean", "pgd"), strict=True):
            points, (lengths,) = bars(container)
            level = 100 * (LEVEL[method, attack] - 0.1)
            assert sorted(points) == [pytest.approx([0, level]), pytest.approx([1, level - 5])]
            assert lengths == pytest.approx([50 * SD[method, attack]] * 2)


def test_shades_are_standard_deviations() -> None:
    _, robustness = draw("learning", training(3)).axes
    shade = next(c for c in robustness.collections if isinstance(c, PolyCollection))
    at_two = [y for x, y in shade.get_paths()[0].vertices if x == 2]
    assert [min(at_two), max(at_two)] == pytest.approx([10.0, 12.0])  # 11 and 1, over n - 1


def test_drops_and_ends_of_stage_one() -> None:
    frame = training(1)
    frame.loc[frame["epoch"] == 4, "learning_rate"] = 0.06  # more than half of 0.1: no drop yet
    frame = frame[frame["epoch"] < 5]
    accuracy, _ = draw("learning", frame).axes
    lines = {(line.get_linestyle(), line.get_xdata()[0]) for line in accuracy.lines}
    assert ("--", 2.5) in lines
    assert not any(style == ":" for style, _ in lines)


def test_methods_of_one_cost_stand_side_by_side() -> None:
    places = _side_by_side({"a": 20.0, "b": 40.0, "c": 20.0})
    assert places["a"] < 20 < places["c"] < places["b"] == 40
    assert (places["a"] + places["c"]) / 2 == pytest.approx(20)
    costs = {"b": 20.0, "a": 20.0}
    everything, _ = draw("efficiency", uneven(), SHOWN | {"costs": costs}).axes
    (b,), (a,) = (bars(container)[0] for container in everything.containers)
    assert b[0] < 20 < a[0]
    assert [b[1], a[1]] == pytest.approx([50, 20])

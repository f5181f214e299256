"""Charts of the page show the numbers of tables, in the colours and markers of figures."""

import json
import math
import re

import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from taet.report.charts import Charts, _bar, imbalance, method_looks, on_dark
from taet.report.style import METHODS
from taet.report.tables.setting import settings
from tests.unit.report import test_tables as made

TRAINING = pd.DataFrame(
    [
        {"method": m, "seed": seed, "epoch": e, "stage": 1 if m == "a" and e == 1 else 2,
         "loss": 1 / e + seed, "validation_accuracy": 0.5 if e == 2 else math.nan, "validation_robustness": math.nan}
        for m in ("b", "a") for seed in (0, 1) for e in (1, 2)
    ]
)  # fmt: skip


TAIL = 0.5  # balanced numbers of the tail as shares of those of all classes


def charts(level: float = 1.0) -> Charts:
    """Charts of balanced numbers that are so many times those of ``made.metrics``, in the tail half as large."""
    frame = made.metrics()
    frame.loc[frame["class_index"] == "1", "train_images"] = 9
    frame["balanced_accuracy"] *= level
    frame.loc[frame["scope"] == "tail", "balanced_accuracy"] *= TAIL
    (setting,) = settings(made.summary(frame), made.differences(), made.SHOWN)
    return Charts(setting, made.SHOWN, TRAINING)


def points(spec: dict) -> list[dict]:
    return spec["data"]["values"]


def test_forest_has_differences_to_the_first_method_with_intervals() -> None:
    chart, _ = charts().of_figure("forest")
    assert chart.title == "All classes: BR PGD-2, B & C minus the other method"
    (point,) = points(chart.spec)
    assert point == {
        "method": "a", "label": "A|x", "text": "+20.0 [+15.0, +24.0]", "x": 20.0, "low": 15.0, "high": 24.0,
    }  # fmt: skip


def test_forest_has_one_line_at_zero_through_all_rows() -> None:
    chart, _ = charts().of_figure("forest")
    zero = chart.spec["layer"][0]
    assert zero["data"] == {"values": [{}]}
    assert zero["encoding"] == {"x": {"datum": 0}, "y": None}


def test_dark_colours_are_lighter_on_a_dark_page() -> None:
    looks = {name: {"color": color, "fill": color} for name, (color, _) in METHODS.items()}
    lighter = on_dark(looks)
    assert lighter["#000000"] == "#969696"
    assert "#e69f00" not in lighter, "seen as it is"
    dark = {color: to_rgb(color) for color in lighter}
    assert all(min(to_rgb(new)) > min(dark[old]) for old, new in lighter.items())


def test_forest_of_one_seed_has_no_intervals() -> None:
    (setting,) = settings(made.summary(made.metrics(1)), made.differences()[:0], made.SHOWN)
    for chart in Charts(setting, made.SHOWN, TRAINING).of_figure("forest"):
        (point,) = points(chart.spec)
        assert (point["low"], point["high"]) == (None, None)
        assert point["text"] == f"{point['x']:+.1f}"


@pytest.mark.parametrize("figure", ["ba_br", "efficiency"])
def test_robustness_with_bars(figure: str) -> None:
    everything, tail = charts().of_figure(figure)
    assert everything.title.startswith("All classes")
    assert tail.title.startswith("Tail classes")
    first, second = points(everything.spec)
    assert (first["y"], first["low"], first["high"]) == (41.0, 40.0, 42.0)
    assert first["x"] == (61.0 if figure == "ba_br" else 40.0)
    assert "BR 41.0 ± 1.0 [38.5, 43.5]" in first["text"]
    assert second["method"] == "a"
    first, second = points(tail.spec)
    assert (first["y"], first["low"], first["high"]) == (20.5, 20.0, 21.0)
    assert first["x"] == (30.5 if figure == "ba_br" else 40.0)
    assert "BR 20.5 ± 0.5 [19.3, 21.7]" in first["text"]
    assert second["y"] == 10.5


def test_bars_end_at_0_and_100() -> None:
    row = {"balanced_accuracy": 0.01, "balanced_accuracy_sd": 0.03, "balanced_accuracy_se": 0.5}
    assert _bar(row) == pytest.approx({"y": 1, "low": 0, "high": 4})
    assert _bar(row | {"balanced_accuracy": 0.98}) == pytest.approx(
        {"y": 98, "low": 95, "high": 100}
    )


def test_classes_in_the_order_of_their_frequency() -> None:
    clean, attacked = charts().of_figure("per_class")
    assert clean.spec["encoding"]["x"]["sort"] == ["c1", "c0"]
    assert [p["y"] for p in points(clean.spec)] == [61.0, 41.0, 61.0, 41.0]
    assert points(attacked.spec)[0]["text"].endswith("; 9 training images")


def test_learning_has_losses_of_both_stages_and_what_was_validated() -> None:
    loss, accuracy = charts().of_figure("learning")
    by_name = {(p["method"], p["x"]): p for p in points(loss.spec)}
    assert by_name["a", 1]["y"] == 1.5, "mean over seeds"
    assert [by_name["a", e]["stage"] for e in (1, 2)] == [1, 2]
    assert by_name["b", 1]["stage"] == 2
    assert [p["y"] for p in points(accuracy.spec)] == [50.0, 50.0]


def test_imbalance_has_a_point_for_each_ratio() -> None:
    """With the numbers of its own ratio."""
    clean, attacked = imbalance({"10": charts(), "50": charts(0.8)})
    assert [p["x"] for p in points(clean.spec)] == [10.0, 10.0, 50.0, 50.0]
    assert [p["y"] for p in points(clean.spec)] == [61.0, 41.0, 48.8, 32.8]
    assert [p["y"] for p in points(attacked.spec)] == [41.0, 21.0, 32.8, 16.8]
    assert points(attacked.spec)[0]["text"] == "41.0 ± 1.0 [38.5, 43.5]"
    assert points(attacked.spec)[2]["text"] == "32.8 ± 0.8 [30.8, 34.8]"


def test_other_figures_have_no_charts() -> None:
    assert charts().of_figure("confusion") == []


def test_specifications_are_json_and_can_hide_methods() -> None:
    counts = {"forest": 2, "ba_br": 2, "efficiency": 2, "per_class": 2, "learning": 2}
    for figure, count in counts.items():
        of_figure = charts().of_figure(figure)
        assert len(of_figure) == count, figure
        for chart in of_figure:
            json.dumps(chart.spec, allow_nan=False)
            assert chart.spec["transform"][0]["filter"] == "indexof(hidden, datum.method) < 0"


def test_looks_are_those_of_figures() -> None:
    families = {"pgd_at": ("pgd_at", 0), "taet": ("taet", 0), "taet_bcl": ("taet", 1)}
    looks = method_looks({"families": families, "labels": {"methods": dict.fromkeys(families)}})
    assert [looks[m]["color"] for m in families] == [
        METHODS[kind][0] for kind, _ in families.values()
    ]
    assert looks["taet"]["fill"] == looks["taet"]["color"] != looks["taet_bcl"]["fill"] == "#ffffff"
    assert looks["taet"]["shape"] != looks["taet_bcl"]["shape"] == looks["pgd_at"]["shape"]
    numbers = [
        float(n)
        for look in looks.values()
        for n in re.findall(r"-?[\d.]+(?:e-?\d+)?", look["shape"])
    ]
    assert all(abs(number) <= 1.5 for number in numbers)

"""What figures show, number by number, from metrics in which no two numbers and no two spreads are alike."""

import math
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text
from scipy.stats import studentized_range

from taet.report.figures.ba_br import MOST_NAMES
from taet.report.labels import LETTER, MARKER, free_corner, free_place
from taet.report.style import (
    COLORS,
    METHODS,
    RATIOS,
    UNKNOWN,
    caption,
    fix_layout,
    grid_shape,
    house_style,
    means_and_bars,
    method_styles,
    ratio_colors,
    value_bar,
)
from taet.report.titles import eps_text
from taet.scores.summary import over_seeds
from taet.study.params import plugins
from taet.study.params.load import load_params
from taet.study.plan.variants import families
from tests.unit.report.test_tables import (
    OPTIONS,
    SETTING,
    SHOWN,
    SOURCES,
    examples,
    metrics,
    sources,
    training,
)

LEVEL = {("b", "clean"): 0.8, ("b", "pgd"): 0.5, ("a", "clean"): 0.7, ("a", "pgd"): 0.2}
SD = {("b", "clean"): 0.04, ("b", "pgd"): 0.03, ("a", "clean"): 0.02, ("a", "pgd"): 0.01}
TAIL = 0.6  # balanced numbers of the tail, and their spreads, as shares of those of all classes
OF_SCOPES = {"all": 1.0, "head": 1.1, "tail": TAIL}  # so that no panel can show another scope's


def uneven(ratio: str = "10", factor: float = 1.0) -> pd.DataFrame:
    """Balanced numbers of ``LEVEL`` and ``SD`` over three seeds; plain accuracies are 0.1 less, and half as wide.

    Balanced numbers of head and tail are those of all classes times ``OF_SCOPES``.
    """
    rows = metrics(3)
    rows = rows[rows["attack"] != "worst"].assign(imbalance_ratio=ratio)
    pairs = list(zip(rows["method"], rows["attack"], strict=True))
    level = factor * np.array([LEVEL[pair] for pair in pairs])
    off = np.array([SD[pair] for pair in pairs]) * (rows["seed"] - 1)
    of_scope = rows["scope"].map(OF_SCOPES).fillna(1)
    return rows.assign(balanced_accuracy=of_scope * (level + off), accuracy=level - 0.1 + off / 2)


def draw(name: str, frame: pd.DataFrame, shown: Any = SHOWN, **about: Any) -> Figure:
    module = plugins.load("report.figures", name)
    about = SETTING | {"options": OPTIONS.get(name)} | about
    return module.draw(*sources(module, frame), shown, about)


def bars(container: Any) -> tuple[list[float], list[list[float]]]:
    """Centres of an errorbar's points, x and y, and half the length of its bars, x first."""
    line, _, collections = container.lines
    ends = [np.array(c.get_segments()) for c in collections]
    return line.get_xydata().tolist(), [(np.ptp(e, axis=1).max(1) / 2).tolist() for e in ends]


def test_bars_are_spreads_over_seeds_or_standard_errors() -> None:
    row = {"balanced_accuracy": 0.5, "balanced_accuracy_sd": 0.02, "balanced_accuracy_se": 0.03}
    assert value_bar(pd.Series(row)) == (50, pytest.approx((2, 2)))
    assert value_bar(pd.Series(row | {"balanced_accuracy_sd": math.nan})) == (
        50,
        pytest.approx((3, 3)),
    )


@pytest.mark.parametrize(
    ("eps", "text"),
    [(8 / 255, "8/255"), (0.1, "0.1"), (0.2, "0.2"), (0.03, "0.03"), (1 / 255, "1/255")],
)
def test_the_radius_as_papers_write_it(eps: float, text: str) -> None:
    assert eps_text(eps) == text


def test_robustness_against_accuracy() -> None:
    for axes, share in zip(draw("ba_br", uneven()).axes, (1, TAIL), strict=True):
        for container, method in zip(axes.containers, ("b", "a"), strict=True):
            points, lengths = bars(container)
            clean, pgd = (100 * share * LEVEL[method, attack] for attack in ("clean", "pgd"))
            assert points == [pytest.approx([clean, pgd])]
            spreads = [[100 * share * SD[method, attack]] for attack in ("clean", "pgd")]
            assert lengths == [pytest.approx(spread) for spread in spreads]


def test_curves_over_the_length_of_stabilization() -> None:
    """Of all and of tail classes, each with its own spreads; method a has no stage 1, b has four epochs of it."""
    about = {"kind": "k", "methods": ["b", "a"]}
    (axes,) = draw("stabilization_length", uneven(), **about).axes
    curves = [(attack, share) for attack in ("clean", "pgd") for share in (1, TAIL)]
    for container, (attack, share) in zip(axes.containers, curves, strict=True):
        points, (lengths,) = bars(container)
        levels = [100 * share * LEVEL[method, attack] for method in "ab"]
        assert points == [pytest.approx([0, levels[0]]), pytest.approx([4, levels[1]])]
        assert lengths == pytest.approx([100 * share * SD[method, attack] for method in "ab"])


def test_methods_whose_markers_overlap_are_named() -> None:
    frame = pd.concat([uneven(), uneven()[lambda rows: rows["method"] == "a"].assign(method="c")])
    shown = SHOWN | {
        "labels": SHOWN["labels"] | {"methods": {"b": "B", "a": "A", "c": "C"}},
        "families": {name: (name, 0) for name in "bac"},
    }
    for axes in draw("ba_br", frame, shown).axes:
        (name,) = axes.texts
        assert name.get_text() == "A, C"
        assert not name.get_in_layout(), "it takes no room from the panels"
    for axes in draw("ba_br", uneven()).axes:
        assert not axes.texts, "their legend names the others"


def test_a_name_covers_no_marker() -> None:
    center = np.array([0.9, 0.5])
    assert free_corner(center, 5, []) == (-1, 1)
    assert free_corner(center, 5, [np.array([0.85, 0.55])]) == (-1, -1)
    assert free_corner(np.array([0.1, 0.5]), 5, []) == (1, 1), "it stays in the panel"
    assert free_corner(center, 40, []) is None


def test_many_methods_have_numbers_at_their_points_and_in_the_legend() -> None:
    frame, shown = with_methods(MOST_NAMES + 1, uneven())
    figure = draw("ba_br", frame, shown)
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == [f"{i}  Method {i - 1}" for i in range(1, MOST_NAMES + 2)]
    for axes in figure.axes:
        numbers = {text.get_text(): text.xy for text in axes.texts}
        points = [line.get_xydata()[0] for line in axes.lines]
        assert list(numbers) == [str(i) for i in range(1, len(points) + 1)]
        ends = np.array([axes.get_xlim(), axes.get_ylim()])
        shares = (points - ends[:, 0]) / np.ptp(ends, axis=1)
        assert np.array(list(numbers.values())) == pytest.approx(shares)
    assert not draw("ba_br", uneven()).axes[0].texts, "few have none"


def test_numbers_touch_no_marker_and_no_number() -> None:
    rng = np.random.default_rng(0)
    markers, placed = list(0.85 + 0.05 * rng.normal(size=(18, 2))), []
    for marker in markers:
        placed.append(free_place(marker, 2, markers, placed))
    for (one, size), (other, _) in combinations(placed, 2):
        assert (abs(one - other) > size).any()
    for place, size in placed:
        assert size == pytest.approx(LETTER * [2, 1])
        assert all((abs(place - marker) > (size + MARKER) / 2).any() for marker in markers)
        assert (place > 0).all()
        assert (place < 1).all()
    place, _ = free_place(np.array([0.5, 0.5]), 1, [np.array([0.5, 0.5])], [])
    assert np.abs(place - 0.5).max() < 0.1, "beside its marker where there is room"


def test_against_the_imbalance_ratio() -> None:
    """Ratios in the order of numbers, not of text; a row per method, in which no ratio hides another."""
    frame = pd.concat([uneven("100", 0.5), uneven("20")])
    swapped = (frame["imbalance_ratio"] == "100") & (frame["attack"] == "pgd")
    frame.loc[swapped & (frame["method"] == "b"), "balanced_accuracy"] -= 0.2  # 0.05; a has 0.1
    figure = draw("imbalance", frame, ratios=["100", "20"])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["IR 20", "IR 100"]
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == ["A|x", "B & C"]
    levels = {"clean": ([70, 80], [35, 40]), "pgd": ([20, 50], [10, 5])}
    for axes, (attack, of_ratios) in zip(figure.axes, levels.items(), strict=True):
        rows = []
        for container, level in zip(axes.containers, of_ratios, strict=True):
            points, (lengths,) = bars(container)
            assert [x for x, _ in points] == pytest.approx(level)
            assert lengths == pytest.approx([100 * SD["a", attack], 100 * SD["b", attack]])
            rows.append([y for _, y in points])
        low, high = np.array(rows) - [0, 1]
        assert ((low < 0) & (high > 0) & (high - low < 0.5)).all(), "nearer than the next method"


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


def test_weights_beta_increase_to_the_right() -> None:
    options = {"b": (0.1, 0.5, 0.0), "a": (0.1, 0.25, 0.0)}
    weights = {m: dict(zip(("alpha", "beta", "gamma"), w, strict=True)) for m, w in options.items()}
    shown = SHOWN | {"variants": {"k": weights}}
    axes = draw("loss_weights", uneven(), shown, kind="k", methods=["b", "a"]).axes[0]
    assert axes.images[0].get_array().tolist() == [pytest.approx([20, 50])]
    assert [t.get_text() for t in axes.get_xticklabels()] == ["0.25", "0.5"]


def test_classes_from_head_to_tail() -> None:
    frame = uneven()
    frame.loc[frame["class_index"] == "1", "train_images"] = 9
    first_class = frame["class_index"] == "0"
    frame.loc[first_class, "accuracy"] -= 0.05
    panels = [axes for axes in draw("per_class", frame).axes if axes.containers and axes.lines]
    for axes, method in zip(panels, ("b", "a"), strict=True):
        assert [t.get_text() for t in axes.get_xticklabels()] == ["c1", "c0"]
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


def test_markers_of_methods_are_at_epochs_of_their_own() -> None:
    """Two curves that are alike can both be seen."""
    parts = [training(1) for _ in range(5)]
    frame = pd.concat(part.assign(epoch=part["epoch"] + 4 * i) for i, part in enumerate(parts))
    accuracy, _ = draw("learning", frame).axes
    curves = [line for line in accuracy.lines if line.get_markevery()]
    starts, distances = zip(*(curve.get_markevery() for curve in curves), strict=True)
    assert len(set(distances)) == 1
    assert len(set(starts)) == len(starts) == 2
    assert max(starts) < distances[0]


def test_ticks_are_whole_epochs() -> None:
    figure = draw("learning", training(3))
    with house_style():  # whose font decides how many ticks there are
        ticks = [float(tick) for axes in figure.axes for tick in axes.get_xticks()]
    assert all(tick.is_integer() for tick in ticks)


def test_drops_and_ends_of_stage_one() -> None:
    frame = training(1)
    frame.loc[frame["epoch"] == 4, "learning_rate"] = 0.06  # more than half of 0.1: no drop yet
    frame = frame[frame["epoch"] < 5]
    accuracy, _ = draw("learning", frame).axes
    lines = {(line.get_linestyle(), line.get_xdata()[0]) for line in accuracy.lines}
    assert ("--", 2.5) in lines
    assert not any(style == ":" for style, _ in lines)


@pytest.mark.parametrize(("costs", "order"), [((40, 20), "ab"), ((20, 20), "ba"), ((20, 40), "ba")])
def test_methods_have_rows_by_their_cost(costs: tuple[float, float], order: str) -> None:
    """The cheapest first; of one cost the most robust first: neither hides the other."""
    of_methods = dict(zip("ba", costs, strict=True))
    figure = draw("efficiency", uneven(), SHOWN | {"costs": of_methods})
    cost, *panels = figure.axes
    names = [SHOWN["labels"]["methods"][method] for method in order]
    assert [t.get_text() for t in cost.get_yticklabels()] == names
    fix_layout(figure)
    ends = cost.transData.inverted().transform([(x, 0) for x in (cost.bbox.x0, cost.bbox.x1 - 8)])
    assert ends[0][0] == pytest.approx(0), "a cost is as long as it is large"
    assert max(costs) < ends[1][0], "no marker is cut"
    marks = [line.get_xydata().tolist() for line in cost.lines]
    assert marks == [[[of_methods[method], row]] for row, method in enumerate(order)]
    for axes, share in zip(panels, (1, TAIL), strict=True):
        for row, (container, method) in enumerate(zip(axes.containers, order, strict=True)):
            points, (lengths,) = bars(container)
            assert points == [pytest.approx([100 * share * LEVEL[method, "pgd"], row])]
            assert lengths == pytest.approx([100 * share * SD[method, "pgd"]])


def with_methods(count: int, rows: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Rows of so many methods, each like method b, and what figures read of them."""
    methods = {f"m{i}": f"Method {i}" for i in range(count)}
    one = rows[rows["method"] == "b"]
    shown = SHOWN | {
        "labels": SHOWN["labels"] | {"methods": methods},
        "families": {method: ("k", i) for i, method in enumerate(methods)},
        "costs": dict.fromkeys(methods, 20.0),
    }
    return pd.concat([one.assign(method=method) for method in methods]), shown


def test_differences_to_the_reference() -> None:
    """In points, with Tukey's intervals; the most robust first. Without TAET the first method is the reference."""
    frame = pd.concat([uneven(), uneven()[lambda rows: rows["method"] == "a"].assign(method="c")])
    better = (frame["method"] == "c") & (frame["attack"] == "pgd")
    frame.loc[better, "balanced_accuracy"] += 0.4
    names = {"b": "B", "a": "A", "c": "C"}
    shown = SHOWN | {
        "labels": SHOWN["labels"] | {"methods": names},
        "families": {name: (name, 0) for name in names},
    }
    everything, tail = draw("forest", frame, shown).axes
    assert [t.get_text() for t in everything.get_yticklabels()] == ["C", "A"]
    points, lengths = zip(*(bars(container) for container in everything.containers), strict=True)
    assert points == ([pytest.approx([-10, 0])], [pytest.approx([30, 1])])
    # b has 0.03 and a, c have 0.01 for seeds -1, 0, 1: residuals of -2 and 1, 1 in units of (2/3) 0.01.
    mse = 2 * (0.02 / 3) ** 2 * (4 + 1 + 1) / 4
    reach = 100 * studentized_range.ppf(0.95, 3, 4) * math.sqrt(mse / 3)
    assert lengths == ([[pytest.approx(reach)]],) * 2
    points, lengths = zip(*(bars(container) for container in tail.containers), strict=True)
    assert points == ([pytest.approx([-22, 0])], [pytest.approx([18, 1])])
    assert lengths == ([[pytest.approx(TAIL * reach)]],) * 2
    assert everything.get_xlabel() == "points, B better →"
    assert "all 3 pairs of 3 methods" in " ".join(tail.figure.get_supxlabel().split())
    shown["labels"] = SHOWN["labels"] | {"methods": {"b": "B", "taet": "TAET", "c": "C"}}
    shown["families"] = shown["families"] | {"taet": ("taet", 0)}
    everything, _ = draw("forest", frame.replace({"method": {"a": "taet"}}), shown).axes
    points = [bars(container)[0] for container in everything.containers]
    assert points == [[pytest.approx([-40, 0])], [pytest.approx([-30, 1])]]


def test_one_seed_has_no_interval_of_a_difference() -> None:
    figure = draw("forest", uneven()[lambda rows: rows["seed"] == 1])
    for axes, difference in zip(figure.axes, (30, 18), strict=True):
        (container,) = axes.containers
        assert container.lines[0].get_xydata().tolist() == [pytest.approx([difference, 0])]
        assert not container.has_xerr
    assert "one seed, n = 1: no intervals" in figure.get_supxlabel()


def test_bars_end_at_0_and_100() -> None:
    row = {"balanced_accuracy": 0.01, "balanced_accuracy_sd": 0.03, "balanced_accuracy_se": 0.5}
    assert value_bar(pd.Series(row)) == (1, pytest.approx((1, 3)))
    assert value_bar(pd.Series(row | {"balanced_accuracy": 0.98})) == (98, pytest.approx((3, 2)))


def test_bars_reach_down_and_up_as_far_as_they_should() -> None:
    """matplotlib takes the reaches of all values down, then those of all values up."""
    means, reaches = means_and_bars([(1.0, (1.0, 3.0)), (98.0, (3.0, 2.0)), (50.0, (4.0, 4.0))])
    assert means == [1, 98, 50]
    assert reaches == [[1, 3, 4], [3, 2, 4]]


def test_markers_at_0_and_100_are_whole_and_seen() -> None:
    """Of two markers at one point the upper is the smaller; the bar of the largest class reaches 100."""
    frame = uneven()
    frame.loc[frame["class_index"] == "0", "accuracy"] = 0.0
    figure = fix_layout(draw("per_class", frame))
    panel, *_, counts = (axes for axes in figure.axes if axes.containers)
    low, high = (panel.transData.transform((0, y))[1] for y in (0, 100))
    radius = max(line.get_markersize() for line in panel.lines) / 2 * figure.dpi / 72
    assert panel.bbox.y0 < low - radius
    assert high + radius < panel.bbox.y1
    clean, attacked = (container.lines[0] for container in panel.containers)
    assert clean.get_zorder() <= attacked.get_zorder()
    assert clean.get_markersize() > attacked.get_markersize() + 1
    bar = counts.containers[0].patches[0].get_window_extent()
    assert (bar.y0, bar.y1) == pytest.approx((low, high))


def test_titles_of_axes_have_room_where_the_last_row_is_short() -> None:
    """Long names of classes are then below two rows of panels."""
    frame, shown = with_methods(8, uneven().replace({"class_name": {"c0": "an amphitheatre"}}))
    figure = fix_layout(draw("per_class", frame, shown))
    axis_titles = [axes.yaxis.label for axes in figure.axes if axes.get_ylabel()]
    extents = [title.get_window_extent() for title in axis_titles]
    assert len(extents) == 3
    assert not [pair for pair in combinations(extents, 2) if pair[0].overlaps(pair[1])]


def test_no_bar_crosses_a_marker() -> None:
    axes, _ = draw("ba_br", uneven()).axes
    marks = [container.lines[0].get_zorder() for container in axes.containers]
    bars = [part.get_zorder() for c in axes.containers for part in (*c.lines[1], *c.lines[2])]
    assert max(bars) < min(marks)


def test_panels_are_in_the_order_of_robustness_in_the_tail() -> None:
    frame = uneven()
    tail = (frame["scope"] == "tail") & (frame["attack"] == "pgd") & (frame["method"] == "b")
    frame.loc[tail, "balanced_accuracy"] = 0.1  # a has 0.12
    assert [axes.get_title() for axes in draw("per_class", frame).axes[:2]] == ["A|x", "B & C"]
    summary = over_seeds(frame, 0.95)
    for name in ("features", "confusion", "examples"):
        module = plugins.load("report.figures", name)
        figure = module.draw(SOURCES[name](1), summary, SHOWN, SETTING)
        first_lines = [text.get_text().partition("\n")[0] for text in figure.findobj(Text)]
        names = [line for line in first_lines if line in SHOWN["labels"]["methods"].values()]
        assert list(dict.fromkeys(names)) == ["A|x", "B & C"], name


def test_many_classes_are_binned_by_frequency() -> None:
    """A hundred classes in ten points: the mean of ten each, and the spread between them."""
    one = uneven()[lambda rows: rows["class_index"] == "0"]
    frame = pd.concat(
        one.assign(class_index=str(c), class_name=f"c{c}", train_images=c + 1, accuracy=c**2 / 1e4)
        for c in range(100)
    )
    frame = pd.concat([frame, uneven()[lambda rows: rows["scope"] != "class"]])
    axes = draw("per_class", frame).axes[0]
    points, (lengths,) = bars(axes.containers[0])
    squares = np.arange(100).reshape(10, 10)[::-1] ** 2 / 100  # whose means are not their medians
    means, reach = squares.mean(1), squares.std(1, ddof=1)
    assert points == [pytest.approx([i, mean]) for i, mean in enumerate(means)]
    assert lengths[1:9] == pytest.approx(reach[1:9])  # others end at 0 or at 100
    assert [t.get_text() for t in axes.get_xticklabels()][::9] == ["1-10", "91-100"]


def test_confusion_of_many_methods_shows_the_rarest_classes() -> None:
    """A panel for each class and attack, methods in rows, predicted classes in columns."""
    share = {(t, p): 0.1 + 0.2 * int(t) + 0.01 * int(p) for t in "0123" for p in "0123"}
    rows = [
        {"method": "b", "seed": 0, "attack": a, "true": t, "predicted": p, "share": value + (a == "pgd") / 10}
        for a in ("clean", "pgd") for (t, p), value in share.items()
    ]  # fmt: skip
    frame, shown = with_methods(5, pd.DataFrame(rows))
    figure = draw("confusion", frame, shown, frequency=["3", "0", "2", "1"])
    panels = [axes for axes in figure.axes if axes.images]
    assert [axes.get_title() for axes in panels] == [
        f"true: {c}, {attack}" for attack in ("clean", "PGD-2") for c in "021"
    ]
    table = panels[4].images[0].get_array()
    assert table.tolist() == [pytest.approx([60, 61, 62, 63])] * 5
    assert [t.get_text() for t in panels[0].get_yticklabels()][:2] == ["Method 0", "Method 1"]


def test_predicted_classes_have_the_order_of_true_ones() -> None:
    """Whatever the order in which the file has predictions."""
    rows = [
        {"method": "b", "seed": 0, "attack": a, "true": t, "predicted": p, "share": 0.1 + 0.2 * int(p)}
        for a in ("clean", "pgd") for t in "0123" for p in "3120"
    ]  # fmt: skip
    frame, shown = with_methods(5, pd.DataFrame(rows))
    panels = [axes for axes in draw("confusion", frame, shown).axes if axes.images]
    for axes in panels[3:]:  # which share their horizontal axes with those above
        assert [t.get_text() for t in axes.get_xticklabels()] == ["0", "1", "2", "3"]
        assert axes.images[0].get_array().tolist() == [pytest.approx([10, 30, 50, 70])] * 5


@pytest.mark.parametrize("count", range(1, 20))
def test_few_panels_stay_empty(count: int) -> None:
    for most in (3, 4):
        rows, columns = grid_shape(count, most)
        assert columns <= most
        assert count <= rows * columns < count + rows
        assert rows * columns <= 1.5 * count


# -- style --------------------------------------------------------------------------------------------

# Viénot, Brettel and Mollon, Digital video colourmaps for checking the legibility of displays by dichromats
# (Color Research and Application, 1999): responses of the cones to linear RGB, and what a deuteranope has of them.
CONES = np.array(
    [[17.8824, 43.5161, 4.11935], [3.45565, 27.1554, 3.86714], [0.0299566, 0.184309, 1.46709]]
)
DEUTERANOPE = np.array([[1, 0, 0], [0.494207, 0, 1.24827], [0, 0, 1]])
# Linear sRGB to CIE XYZ over that of white (IEC 61966-2-1).
XYZ = np.array(
    [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
) / np.array([[0.9505], [1.0], [1.089]])


def lab(color: str, deuteranope: bool) -> "np.ndarray[Any, Any]":
    """A colour in CIE Lab, where distances are about as they are seen."""
    rgb = np.array(to_rgb(color))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    if deuteranope:
        linear = np.clip(np.linalg.solve(CONES, DEUTERANOPE @ CONES @ linear), 0, 1)
    x, y, z = np.cbrt(
        XYZ @ linear
    )  # of dark colours the exact formula is linear, which is nearer to black
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("deuteranope", [False, True])
@pytest.mark.parametrize("palette", [[c for c, _ in METHODS.values()] + [UNKNOWN], COLORS, RATIOS])
def test_colors_differ(palette: list[str], deuteranope: bool) -> None:
    """A distance of 2.3 is just noticed side by side (Mahy et al. 1994); marks are small, and apart."""
    seen = [lab(color, deuteranope) for color in palette]
    nearest = min(np.linalg.norm(a - b) for a, b in combinations(seen, 2))
    assert nearest > 8 * 2.3
    assert min(np.linalg.norm(a - lab("white", deuteranope)) for a in seen) > 25


@pytest.mark.parametrize("deuteranope", [False, True])
def test_colors_of_ratios_are_a_sequence_of_their_own(deuteranope: bool) -> None:
    seen = [lab(color, deuteranope) for color in ratio_colors(len(RATIOS))]
    lightness = [light for light, _, _ in seen]
    assert lightness == sorted(lightness, reverse=True)
    for method in ("taet", "at_bsl"):
        of_method = lab(METHODS[method][0], deuteranope)
        assert min(np.linalg.norm(of_method - color) for color in seen) > 8 * 2.3
    assert ratio_colors(1) == [RATIOS[3]], "few ratios are dark"
    assert ratio_colors(2) == [RATIOS[1], RATIOS[3]], "and well apart"
    assert ratio_colors(3) == list(RATIOS[1:])


def test_the_simulation_confuses_red_and_green() -> None:
    assert np.linalg.norm(lab("#cc5500", True) - lab("#808000", True)) < 10
    assert np.linalg.norm(lab("#cc5500", False) - lab("#808000", False)) > 40
    assert lab("#808080", True) == pytest.approx(lab("#808080", False), abs=0.5)


def test_a_method_has_one_look_in_all_studies() -> None:
    studies = {
        name: load_params(study=name) for name in ("digits", "digits_ablation", "cifar10_small_gpu")
    }
    looks: dict[str, Any] = {}
    for params in studies.values():
        methods = {name: name for name in params.grid.methods}
        shown = {"labels": {"methods": methods}, "families": families(params)}
        for name, look in method_styles(shown).items():
            assert looks.setdefault(name, look) == look
    assert len({tuple(look.values()) for look in looks.values()}) == len(looks) == 30
    assert looks["taet_bcl"]["color"] == looks["taet"]["color"] == looks["taet"]["markerfacecolor"]
    assert looks["taet_bcl"]["marker"] != looks["taet"]["marker"]
    assert looks["taet_bcl"]["markerfacecolor"] != looks["taet"]["markerfacecolor"]
    assert len({marker for _, marker in METHODS.values()}) == len(METHODS)
    assert METHODS.keys() == set(plugins.names("methods"))
    assert all((look["markersize"] > 4) == (look["marker"] == "*") for look in looks.values())


def test_a_heading_of_two_lines_is_centred() -> None:
    for name in ("ba_br", "forest"):  # over a legend, over panels
        figure = draw(
            name,
            metrics(3),
            SHOWN | {"labels": SHOWN["labels"] | {"architectures": {"net": "n " * 60}}},
        )
        title = figure.legends[0].get_title() if figure.legends else figure._suptitle
        assert title.get_text().count("\n") >= 1
        assert title._multialignment == "center" or title.get_ha() == "center"


@pytest.mark.parametrize(
    ("inches", "text", "lines"),
    [
        (3.4, "CIFAR-10, IR 10, ResNet-18 (width 16, stride-2 stem)", ["CIFAR-10, IR 10, ResNet-18", "(width 16, stride-2 stem)"]),
        (1.2, f"a {'b' * 16} c", ["a", "b" * 16, "c"]),
        (1.2, "a b", ["a b"]),
        (0.5, "abcdefghij", ["abcdefg", "hij"]),
    ],
)  # fmt: skip
def test_lines_are_about_equally_long(inches: float, text: str, lines: list[str]) -> None:
    """No word is broken that has room, and no line is left with a last word."""
    figure = Figure(figsize=(inches, 1))
    caption(figure, text)
    assert figure.get_supxlabel().split("\n") == lines


def test_images_are_of_one_size_and_at_equal_distances() -> None:
    """However long the names of classes below them are, and whether an attack changes the prediction."""
    names = {"c3": "automobile", "c4": "amphitheatres", "c1": "orthodontists"}
    columns = ("class_name", "clean", "attacked")
    frame, shown = with_methods(3, examples(1).replace(dict.fromkeys(columns, names)))
    robust = frame["method"] == "m1"
    frame.loc[robust, "attacked"] = frame.loc[robust, "clean"]
    figure = fix_layout(draw("examples", frame, shown))
    panels = np.array([axes.get_window_extent().bounds for axes in figure.axes]).reshape(4, 2, 4)
    assert np.ptp(panels[..., 2:], axis=(0, 1)) == pytest.approx(0, abs=0.1)
    assert np.ptp(panels[..., 0], axis=0) == pytest.approx(0, abs=0.1)
    assert np.ptp(np.diff(panels[1:, 0, 1])) == pytest.approx(0, abs=0.1)
    last_lines = [axes.texts[-1].get_window_extent() for axes in figure.axes[2:]]
    assert not [pair for pair in combinations(last_lines, 2) if pair[0].overlaps(pair[1])]


@pytest.mark.parametrize("name", [*SOURCES, "loss_weights"])
def test_text_has_8_points(name: str) -> None:
    about = {"kind": "k", "methods": ["b", "a"], "ratios": ["50", "10"]}
    weights = {
        m: {"alpha": 0.1, "beta": 1.0, "gamma": 0.0, "stabilization epochs": 1} for m in "ba"
    }
    figure = draw(
        name, SOURCES.get(name, metrics)(3), SHOWN | {"variants": {"k": weights}}, **about
    )
    sizes = {text.get_fontsize() for text in figure.findobj(Text) if text.get_text()}
    assert min(sizes) >= 8

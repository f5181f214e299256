"""Charts of the page, as specifications of Vega-Lite: values when pointed at, and methods that can be hidden.

Where JavaScript runs, each takes the place of the figure of its kind. Its numbers have the texts of tables,
its colors and markers are those of figures.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.colors import to_rgb
from matplotlib.markers import MarkerStyle
from matplotlib.path import Path as Outline

from taet.report.figures.per_class import MOST_CLASSES
from taet.report.style import BETTER, SCOPE_TITLES, method_styles, room_for, value_bar
from taet.report.tables.cells import difference_text, number_text
from taet.report.tables.setting import SettingResults

LINE, HEIGHT = 26, 300  # pixels: a row of a forest plot, and other charts
PADDING = 12  # pixels, between points and the ends of an axis
COMMANDS = {Outline.MOVETO: "M", Outline.LINETO: "L", Outline.CURVE3: "Q", Outline.CURVE4: "C"}
GREY = "#888888"  # seen on white and on black
DARKEST = 0.16  # relative luminance of a mark that is seen on the dark page
LIGHTER = 0.3  # the same of what takes the place of a darker one
AXIS = {"labelFontSize": 12, "titleFontSize": 12}
CONFIG = {
    "font": "system-ui, sans-serif",
    "background": None,  # colors of texts and axes are those of the page: see the style sheet
    "view": {"stroke": None},
    "axis": {**AXIS, "titleFontWeight": "normal", "labelLimit": 190},
}
Spec = dict[str, Any]
ZERO: Spec = {  # the line of a forest plot: once, and through all rows
    "data": {"values": [{}]},
    "mark": {"type": "rule", "color": GREY, "strokeWidth": 1.5, "aria": False},
    "encoding": {"x": {"datum": 0}, "y": None},
}


@dataclass(frozen=True)
class Chart:
    """A chart with its title; ``spec`` is JSON."""

    title: str
    spec: Spec


def method_looks(shown: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """By method: ``color``, ``fill``, and ``shape`` as an SVG path in a square from -1 to 1."""
    return {
        method: {
            "color": style["color"],
            "fill": _hex(style["markerfacecolor"]),
            "shape": _shape(style["marker"]),
        }
        for method, style in method_styles(shown).items()
    }


def on_dark(looks: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """By each color of methods that is too dark for a dark page: the same mixed with white."""
    colors = {look[part] for look in looks.values() for part in ("color", "fill")}
    return {color: _lighter(color) for color in sorted(colors) if _luminance(color) < DARKEST}


def _lighter(color: str) -> str:
    shares = (share / 100 for share in range(101))
    mixed = (_hex([1 - (1 - share) * (1 - c) for c in to_rgb(color)]) for share in shares)
    return next(mix for mix in mixed if _luminance(mix) >= LIGHTER)


def _luminance(color: str) -> float:
    """Relative luminance of a color in sRGB (WCAG 2)."""
    linear = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(color))
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def _hex(color: Any) -> str:
    return (
        color if isinstance(color, str) else "#" + "".join(f"{round(255 * c):02x}" for c in color)
    )


def _shape(marker: str) -> str:
    style = MarkerStyle(marker)
    outline = style.get_path().transformed(style.get_transform().scale(2, -2))
    return "".join(
        "Z"
        if code == Outline.CLOSEPOLY
        else COMMANDS[code] + ",".join(f"{number:.3g}" for number in numbers)
        for numbers, code in outline.iter_segments()
    )


class Charts:
    """Charts of one data set, imbalance ratio and architecture.

    Args:
        setting: its results.
        shown: as figures read it.
        training: its rows of training.csv.
    """

    def __init__(
        self, setting: SettingResults, shown: Mapping[str, Any], training: pd.DataFrame
    ) -> None:
        self.setting, self.training = setting, training
        self.methods, self.costs = shown["labels"]["methods"], shown["costs"]
        self.looks = method_looks(shown)
        self.attack = shown["report"].figure_attack
        self.attack_title = shown["labels"]["attacks"][self.attack]
        self.robustness = f"BR, {self.attack_title} (%), {BETTER}"
        of_groups = setting.rows[setting.rows["scope"] != "class"].to_dict("records")
        self.rows = {(row["method"], row["attack"], row["scope"]): row for row in of_groups}
        self.scopes = [scope for scope in SCOPE_TITLES if scope in set(setting.rows["scope"])]

    def of_figure(self, figure: str) -> list[Chart]:
        """Charts in place of a figure of one setting; none for those that stay as they are."""
        return list(OF_FIGURES[figure](self)) if figure in OF_FIGURES else []

    def _forest(self) -> Iterator[Chart]:
        reference = self.methods[self.setting.reference]
        order = list(self.setting.leads(self.attack, "all").index)
        for scope in self.scopes:
            leads = self.setting.leads(self.attack, scope)
            points = [
                self._point(
                    method,
                    difference_text(lead),
                    x=100 * lead["difference"],
                    low=100 * lead["low"],
                    high=100 * lead["high"],
                )
                for method, lead in leads.loc[order].iterrows()
            ]
            x = _axis("x", f"points, {reference} better \N{RIGHTWARDS ARROW}")
            y = _axis("label", None, sort=[self.methods[method] for method in order])
            y["axis"]["grid"] = True
            spec = self._spec(points, x, y, bars="x", height=LINE * len(order))
            spec["layer"].insert(0, ZERO)
            title = (
                f"{SCOPE_TITLES[scope]}: BR {self.attack_title}, {reference} minus the other method"
            )
            yield Chart(title, spec)

    def _ba_br(self) -> Iterator[Chart]:
        for scope in self.scopes:
            points = []
            for method in self.methods:
                clean, robust = (
                    self.rows[method, attack, scope] for attack in ("clean", self.attack)
                )
                text = f"BA {number_text(clean)}; BR {number_text(robust)}"
                points.append(
                    self._point(method, text, x=100 * clean["balanced_accuracy"], **_bar(robust))
                )
            x = _axis("x", f"Balanced accuracy (%), {BETTER}")
            spec = self._spec(points, x, _axis("y", self.robustness))
            yield Chart(f"{SCOPE_TITLES[scope]}: robustness and accuracy", spec)

    def _efficiency(self) -> Iterator[Chart]:
        for scope in self.scopes:
            points = []
            for method, cost in self.costs.items():
                row = self.rows[method, self.attack, scope]
                text = f"{cost:,.0f} passes per image; BR {number_text(row)}"
                points.append(self._point(method, text, x=cost, **_bar(row)))
            x = _axis("x", "\N{LEFTWARDS ARROW} cheaper, passes per image")
            spec = self._spec(points, x, _axis("y", self.robustness))
            yield Chart(f"{SCOPE_TITLES[scope]}: robustness and cost of training", spec)

    def _per_class(self) -> Iterator[Chart]:
        rows = self.setting.rows[self.setting.rows["scope"] == "class"]
        rows = rows.sort_values("train_images", ascending=False, kind="stable")
        names = list(dict.fromkeys(rows["class_name"]))
        if len(names) > MOST_CLASSES:
            return  # the figure shows them together
        x = _axis("x", "Class, most frequent first", sort=names)
        for attack, title in {"clean": "clean images", self.attack: self.attack_title}.items():
            points = [
                self._point(
                    row["method"],
                    f"{number_text(row)}; {row['train_images']:,.0f} training images",
                    x=row["class_name"],
                    **_bar(row),
                )
                for row in rows[rows["attack"] == attack].to_dict("records")
            ]
            y = _axis("y", f"Accuracy (%), {BETTER}")
            yield Chart(f"Single classes: {title}", self._spec(points, x, y, joined=True))

    def learning(self) -> Iterator[Chart]:
        """Losses of both stages, and accuracies on validation images, by epoch; means over seeds."""
        means = self.training.groupby(["method", "stage", "epoch"], sort=False).mean(
            numeric_only=True
        )
        for column, scale, title in (
            ("loss", 1, "Training loss"),
            ("validation_accuracy", 100, "BA on validation images (%)"),
            ("validation_robustness", 100, "BR on validation images (%)"),
        ):
            points = [
                self._point(method, f"{scale * mean:.4g}, stage {stage}", x=epoch, y=scale * mean)
                | {"stage": stage}
                for (method, stage, epoch), mean in means[column].dropna().items()
            ]
            if points:
                spec = self._spec(points, _axis("x", "Epoch"), _axis("y", title), joined=True)
                dashes = {"domain": [1, 2], "range": [[4, 3], [1, 0]]}
                spec["layer"][0]["encoding"]["strokeDash"] = {
                    "field": "stage", "type": "nominal", "legend": None, "scale": dashes,
                }  # fmt: skip
                yield Chart(f"{title}; dashed: stage 1 (clean warm-up)", spec)

    def _point(self, method: str, text: str, **values: Any) -> dict[str, Any]:
        """A point of a method, and the text of its tooltip."""
        numbers = {name: _number(value) for name, value in values.items()}
        return {"method": method, "label": self.methods[method], "text": text, **numbers}

    def _spec(
        self,
        points: Sequence[Mapping[str, Any]],
        x: Spec,
        y: Spec,
        bars: str = "y",
        joined: bool = False,
        height: int = HEIGHT,
    ) -> Spec:
        """Points with bars along an axis, from ``low`` to ``high``, and lines through those of a method."""
        layers = [self._points(x["title"] if joined else None)]
        if joined:
            layers.insert(0, self._lines())
        if any("low" in point for point in points):
            layers.insert(0, self._bars(bars))
        return {
            "data": {"values": list(points)},
            "params": [{"name": "hidden", "value": []}],
            "transform": [{"filter": "indexof(hidden, datum.method) < 0"}],
            "width": "container",
            "height": height,
            "encoding": {"x": x, "y": y},
            "layer": layers,
            "config": CONFIG,
        }

    def _look(self, part: str) -> Spec:
        """A channel that has ``color``, ``fill`` or ``shape`` of the methods."""
        looks = [look[part] for look in self.looks.values()]
        scale = {"domain": list(self.looks), "range": looks}
        return {"field": "method", "type": "nominal", "legend": None, "scale": scale}

    def _bars(self, axis: str) -> Spec:
        """A layer of bars along an axis."""
        ends = {axis: {"field": "low", "type": "quantitative"}, f"{axis}2": {"field": "high"}}
        return {
            "transform": [{"filter": "isValid(datum.low)"}],
            "mark": {"type": "rule", "opacity": 0.7},
            "encoding": {"color": self._look("color")} | ends,
        }

    def _lines(self) -> Spec:
        """A layer of lines through the points of each method."""
        mark = {"type": "line", "strokeWidth": 1.5}
        return {"mark": mark, "encoding": {"color": self._look("color")}}

    def _points(self, x_title: str | None) -> Spec:
        """A layer of points, whose tooltips have the value of x too if it has a title here."""
        tooltip = [{"field": "label", "title": "Method"}, {"field": "text", "title": "Value"}]
        if x_title is not None:
            tooltip.append({"field": "x", "title": x_title})
        return {
            "mark": {"type": "point", "size": 60, "opacity": 1, "strokeWidth": 1.5},
            "encoding": {
                "stroke": self._look("color"), "fill": self._look("fill"), "shape": self._look("shape"),
                "tooltip": tooltip, "description": {"field": "text"},
            },
        }  # fmt: skip


# By the file of ``report/figures`` whose place the charts take; ``imbalance`` has several settings.
OF_FIGURES = {
    "forest": Charts._forest,
    "ba_br": Charts._ba_br,
    "efficiency": Charts._efficiency,
    "per_class": Charts._per_class,
    "learning": Charts.learning,
}


def imbalance(several: Mapping[str, Charts]) -> Iterator[Chart]:
    """Balanced accuracy and robustness against the imbalance ratio.

    Args:
        several: charts of each ratio of one data set and architecture.
    """
    first = next(iter(several.values()))
    for attack, title in {"clean": f"BA (%), {BETTER}", first.attack: first.robustness}.items():
        points = [
            charts._point(method, number_text(row), x=float(ratio), **_bar(row))
            for ratio, charts in several.items()
            for method in charts.methods
            for row in [charts.rows[method, attack, "all"]]
        ]
        x = _axis("x", "Imbalance ratio (IR)")
        x["scale"] = {"type": "log", "nice": False, "padding": PADDING}
        x["axis"] = {"values": [float(ratio) for ratio in several]}
        spec = first._spec(points, x, _axis("y", title), joined=True)
        yield Chart(f"All classes: {title.partition(' (')[0]}", spec)


def _axis(field: str, title: str | None, sort: Sequence[str] | None = None) -> Spec:
    """A channel of positions: numbers, or names in their order."""
    if sort is not None:
        axis = {"labelAngle": -60 if field == "x" and room_for(sort) else 0}
        return {
            "field": field, "type": "nominal", "sort": list(sort), "title": title, "axis": axis,
        }  # fmt: skip
    scale = {"zero": False, "nice": False, "padding": PADDING}
    return {"field": field, "type": "quantitative", "title": title, "scale": scale}


def _bar(row: Mapping[str, Any]) -> dict[str, float]:
    """A balanced accuracy, and the ends of its bar; see ``taet.report.style``."""
    percent, (down, up) = value_bar(row)
    return {"y": percent, "low": percent - down, "high": percent + up}


def _number(value: Any) -> Any:
    """Short, and null where there is none, as JSON has it."""
    if not isinstance(value, float):
        return value
    return None if math.isnan(value) else round(value, 3)

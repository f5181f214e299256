"""The figures. Drawn from metrics.csv alone; the same numbers give the same bytes."""

import io
import math
from collections.abc import Mapping
from typing import Any

import matplotlib
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from taet.summary import over_seeds

COLUMN = 3.4  # inches: a column of a two-column paper
STYLE = {
    "font.family": "DejaVu Sans",  # ships with matplotlib: the same glyphs everywhere
    "font.size": 7,
    "axes.titlesize": 7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "lines.linewidth": 1.0,
    "lines.markersize": 3,
    "legend.frameon": False,
    "svg.hashsalt": "taet",
    "svg.fonttype": "path",
    "pdf.fonttype": 42,
    "savefig.dpi": 200,
}
# No clock time in the files.
METADATA = {
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "png": {"Software": None},
}
MARKERS = "osD^vP*X<>hpd8H"


def draw(figure: Figure, suffix: str) -> bytes:
    """The finished figure as the bytes of a file."""
    buffer = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        figure.savefig(buffer, format=suffix, metadata=METADATA[suffix])
    return buffer.getvalue()


def per_class(metrics: pd.DataFrame, shown: Mapping[str, Any]) -> Figure:
    """Accuracy of each class, clean and attacked, over bars of training counts; a panel per method.

    Args:
        metrics: rows of one data set, imbalance ratio and architecture.
        shown: ``report``, ``labels``, ``study``, ``threat`` of the parameters.
    """
    report, labels = shown["report"], shown["labels"]
    summary = over_seeds(metrics[metrics["view"] == report.view], report.confidence)
    classes = summary[summary["scope"] == "class"].copy()
    order = (
        classes.groupby("class_index")["train_images"]
        .first()
        .sort_values(ascending=False, kind="stable")
    )
    classes["place"] = classes["class_index"].map({c: i for i, c in enumerate(order.index)})
    methods = labels["methods"]
    columns = min(3, len(methods))
    rows = math.ceil(len(methods) / columns)
    curves = {"clean": "Clean", report.headline_attack: labels["attacks"][report.headline_attack]}
    colors = dict(zip(curves, sns.color_palette("colorblind"), strict=False))
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(2 * COLUMN, 0.35 + 1.45 * rows), layout="constrained")
        grid = figure.subplots(rows, columns, sharey=True, squeeze=False)
        for i, (method, label) in enumerate(methods.items()):
            axes = grid.flat[i]
            part = classes[classes["method"] == method]
            _count_bars(axes, part[part["attack"] == "clean"])
            for attack, name in curves.items():
                _accuracy_line(axes, part[part["attack"] == attack], name, colors[attack])
            axes.set_title(label)
        for axes in grid.flat[len(methods) :]:
            axes.set_visible(False)
        for axes in grid[:, 0]:
            axes.set_ylabel("Accuracy (%)")
        figure.supxlabel(f"Class, most frequent first ({_spread(summary)})", fontsize="medium")
        keys = [axes.get_legend_handles_labels() for axes in figure.axes if axes.get_visible()]
        by_name = {
            name: handle
            for handles, names in keys
            for handle, name in zip(handles, names, strict=True)
        }
        figure.legend(by_name.values(), by_name, loc="outside upper center", ncols=len(by_name))
    return figure


def _count_bars(axes: Axes, part: pd.DataFrame) -> None:
    """Training counts behind the lines, on a scale of their own that the legend states."""
    counts = axes.twinx()
    largest = f"Training images (largest class: {part['train_images'].max():.0f})"
    counts.bar(part["place"], part["train_images"], color="0.88", width=0.8, label=largest)
    counts.set_yticks([])
    axes.set_zorder(counts.get_zorder() + 1)
    axes.patch.set_visible(False)


def _accuracy_line(axes: Axes, part: pd.DataFrame, name: str, color: Any) -> None:
    axes.errorbar(
        part["place"],
        100 * part["accuracy"],
        yerr=100 * part["accuracy_sd"].fillna(0),
        label=name,
        color=color,
        marker="o",
        capsize=1.5,
        elinewidth=0.6,
    )
    axes.set_ylim(0, 104)
    ordered = part.sort_values("place")
    step = max(1, len(part) // 10)
    axes.set_xticks(ordered["place"][::step], ordered["class_index"][::step])


def ba_br(metrics: pd.DataFrame, shown: Mapping[str, Any]) -> Figure:
    """Balanced robustness against balanced accuracy: all classes, and tail classes.

    Args:
        metrics: rows of one data set, imbalance ratio and architecture.
        shown: ``report``, ``labels``, ``study``, ``threat`` of the parameters.
    """
    report, labels = shown["report"], shown["labels"]
    summary = over_seeds(metrics[metrics["view"] == report.view], report.confidence)
    scopes = [s for s in ("all", "tail") if s in set(summary["scope"])]
    colors = sns.color_palette("colorblind")
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(2 * COLUMN, 2.6), layout="constrained")
        grid = figure.subplots(1, len(scopes), squeeze=False)
        for axes, scope in zip(grid.flat, scopes, strict=True):
            part = summary[summary["scope"] == scope].set_index(["method", "attack"])
            for i, (method, label) in enumerate(labels["methods"].items()):
                ba, br = part.loc[(method, "clean")], part.loc[(method, report.headline_attack)]
                axes.errorbar(
                    100 * ba["balanced_accuracy"],
                    100 * br["balanced_accuracy"],
                    xerr=_bar(ba["balanced_accuracy_sd"]),
                    yerr=_bar(br["balanced_accuracy_sd"]),
                    label=label,
                    color=colors[i % len(colors)],
                    # Colours come again after ten methods, then with open markers.
                    markerfacecolor=colors[i] if i < len(colors) else "white",
                    marker=MARKERS[i % len(MARKERS)],
                    markersize=5,
                    linestyle="none",
                    elinewidth=0.6,
                    capsize=1.5,
                )
            axes.set_title({"all": "All classes", "tail": "Tail classes"}[scope])
            axes.set_xlabel("Balanced accuracy (%)")
            axes.margins(0.12)
        grid[0, 0].set_ylabel(
            f"Balanced robustness, {labels['attacks'][report.headline_attack]} (%)"
        )
        figure.supxlabel(_spread(summary).capitalize(), fontsize="medium")
        handles, names = grid[0, 0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside right center")
    return figure


def _spread(summary: pd.DataFrame) -> str:
    """What points and bars are."""
    n = int(summary["seeds"].max())
    return f"means and standard deviations over n = {n} seeds" if n > 1 else "one seed, n = 1"


def _bar(sd: float) -> float | None:
    return None if math.isnan(sd) else 100 * sd

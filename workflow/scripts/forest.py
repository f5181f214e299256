"""Draw the differences between TAET and each other method on CIFAR-10-LT: docs/images/forest.svg.

    python workflow/scripts/forest.py

A point is a difference in balanced robustness in the worst case over all attacks of its study, from the saved
results.
"""

import math
from pathlib import Path

import scipy.stats
from matplotlib.figure import Figure

from result_tables import setting_of, summary_of
from taet.report.style import (
    BARS,
    COLORS,
    LINE,
    PAGE_WIDTH,
    SCOPE_TITLES,
    heading,
    house_style,
    name_series,
    to_bytes,
)
from taet.report.tables.setting import settings

PICTURE = Path("docs/images/forest.svg")
METHOD = "taet"
TITLE = "CIFAR-10-LT: balanced robustness, worst case over attacks, TAET minus the other method"
SMALL = {"cifar10_small_gpu_ir10": "ratio 10", "cifar10_small_gpu": "ratio 50"}  # three seeds each
LARGE = {"taet": "cifar10_gpu", "at_bsl": "cifar10_gpu_at_bsl"}  # one training each


def differences(study, scope):
    """By the label of the other method: mean and Tukey's 95 % interval in points."""
    setting = setting_of(study)
    pairs = {
        label: setting.difference(METHOD, other, "worst", scope)
        for other, label in setting.methods.items()
        if other != METHOD
    }
    return {
        label: tuple(100 * pair[["difference", "low", "high"]]) for label, pair in pairs.items()
    }


def at_the_papers_scale(scope):
    """TAET minus AT-BSL in points, one training each, and half its 95 % interval over test images."""
    robust, errors = {}, {}
    for method, study in LARGE.items():
        (setting,) = settings(*summary_of(study))
        rows = setting.rows
        (row,) = rows[(rows["attack"] == "worst") & (rows["scope"] == scope)].to_dict("records")
        robust[method], errors[method] = row["balanced_accuracy"], row["balanced_accuracy_se"]
    half_width = scipy.stats.norm.ppf(0.975) * math.hypot(*errors.values())
    return 100 * (robust["taet"] - robust["at_bsl"]), 100 * half_width


def draw():
    """The figure: a panel for all classes and one for the tail, a row for each other method."""
    pairs = {
        scope: {r: differences(study, scope) for study, r in SMALL.items()}
        for scope in SCOPE_TITLES
    }
    others = sorted(pairs["all"]["ratio 10"], key=lambda label: pairs["all"]["ratio 10"][label][0])
    with house_style():
        figure = Figure(figsize=(PAGE_WIDTH, 0.8 + 2.2 * LINE * len(others)), layout="constrained")
        panels = figure.subplots(1, len(SCOPE_TITLES), sharex=True, sharey=True)
        for axes, (scope, title) in zip(panels, SCOPE_TITLES.items(), strict=True):
            axes.axvline(0, color="0.6", linewidth=0.6)
            for series, (ratio, rows) in enumerate(pairs[scope].items()):
                for row, label in enumerate(others):
                    mean, low, high = rows[label]
                    axes.errorbar(
                        mean,
                        row + 0.12 - 0.24 * series,
                        xerr=[[mean - low], [high - mean]],
                        color=COLORS[series],
                        marker="os"[series],
                        linestyle="",
                        **BARS,
                        label=f"small network, {ratio}" if not row else None,
                    )
            mean, half_width = at_the_papers_scale(scope)
            axes.errorbar(
                mean,
                others.index("AT-BSL"),
                xerr=half_width,
                elinewidth=BARS["elinewidth"],
                marker="D",
                markersize=5,
                markerfacecolor="none",
                color="black",
                linestyle="",
                label="large network, ratio 10, n = 1 (bar: test images)",
            )
            axes.set_title(title)
            axes.set_xlabel("points, TAET better \N{RIGHTWARDS ARROW}")
        panels[0].set_yticks(range(len(others)), others)
        panels[0].margins(y=0.15)
        name_series(figure, *panels[0].get_legend_handles_labels())
        heading(figure, TITLE)
    return figure


if __name__ == "__main__":
    PICTURE.write_bytes(to_bytes(draw(), "svg"))
    print(f"wrote {PICTURE}")

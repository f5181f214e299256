"""Draw the differences between TAET and each other method on CIFAR-10-LT: docs/images/forest.svg.

    python workflow/scripts/forest.py

A point is a difference in balanced robustness in the worst case over all attacks of its study, from the saved
results.
"""

from pathlib import Path

from matplotlib.figure import Figure

import papers_scale
from result_tables import setting_of
from taet.report.style import (
    BARS,
    LINE,
    PAGE_WIDTH,
    SCOPE_TITLES,
    heading,
    house_style,
    name_series,
    ratio_colors,
    to_bytes,
)

FIGURE = Path("docs/images/forest.svg")
TITLE = (
    "Balanced robustness on CIFAR-10-LT, worst case (L-inf eps 8/255): TAET minus the other method"
)
MARKERS, COLORS = "v^p", ratio_colors(2)  # of no method in the figure
SMALL = {"cifar10_small_gpu_ir10": "ratio 10", "cifar10_small_gpu": "ratio 50"}


def leads(study, scope):
    """TAET's, by the label of the other method: ``difference``, ``low`` and ``high`` in points."""
    setting = setting_of(study)
    return 100 * setting.leads("worst", scope).rename(index=setting.methods)


def draw():
    """The figure: a panel for all classes and one for the tail, a row for each other method."""
    pairs = {scope: {study: leads(study, scope) for study in SMALL} for scope in SCOPE_TITLES}
    others = list(pairs["all"][next(iter(SMALL))].index)
    with house_style():
        figure = Figure(figsize=(PAGE_WIDTH, 0.8 + 2.2 * LINE * len(others)), layout="constrained")
        panels = figure.subplots(1, len(SCOPE_TITLES), sharex=True, sharey=True)
        for axes, (scope, title) in zip(panels, SCOPE_TITLES.items(), strict=True):
            axes.axvline(0, color="0.6", linewidth=0.6)
            axes.grid(axis="y", linewidth=0.3, color="0.85")
            for series, (study, rows) in enumerate(pairs[scope].items()):
                draw_small(axes, series, study, rows.loc[others])
            draw_large(axes, others.index("AT-BSL"), scope)
            axes.set_title(title)
            axes.set_xlabel("points, TAET better \N{RIGHTWARDS ARROW}")
        panels[0].set_yticks(range(len(others)), others)
        panels[0].margins(y=0.15)
        panels[0].invert_yaxis()  # the most robust on top
        name_series(figure, *panels[0].get_legend_handles_labels())
        heading(figure, TITLE)
    return figure


def draw_small(axes, series, study, rows):
    """TAET's lead over each other method in a study of the small network, in the row of the method."""
    label = f"small network, {SMALL[study]}, n = {setting_of(study).seeds}"
    for row, (mean, low, high) in enumerate(rows.to_numpy()):
        axes.errorbar(
            mean,
            row - 0.12 + 0.24 * series,
            xerr=[[mean - low], [high - mean]],
            color=COLORS[series],
            marker=MARKERS[series],
            linestyle="",
            **BARS,
            label=None if row else label,
        )


def draw_large(axes, row, scope):
    """TAET's lead over AT-BSL with the large network."""
    mean, low, _ = papers_scale.difference("worst", scope)
    axes.errorbar(
        mean,
        row,
        xerr=mean - low,
        elinewidth=BARS["elinewidth"],
        marker=MARKERS[-1],
        markersize=6,
        markerfacecolor="none",
        color="black",
        linestyle="",
        label="large network, ratio 10, n = 1 (interval over test images only)",
    )


if __name__ == "__main__":
    FIGURE.write_bytes(to_bytes(draw(), "svg"))
    print(f"wrote {FIGURE}")

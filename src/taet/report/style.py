"""What all figures share: one style, and how numbers over seeds are said.

A figure is drawn from what ``score`` and ``inspect`` have left; the same numbers give the same bytes, also
where a user has a matplotlibrc. Panels that can stand below one another make a figure as wide as a column of
a two-column paper; those with a panel for each method are as wide as its page.
"""

import io
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any

import matplotlib
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from taet.scores.summary import title_of_test_set

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
SCOPE_TITLES = {"all": "All classes", "tail": "Tail classes"}
MARKERS = "osD^vP*X<>hpd8H"
LINE = 0.15  # inches, of a legend
CHARACTERS = 56  # of a line of a legend as wide as a column
MARK = 6  # what a marker takes of them


@contextmanager
def house_style(formulas: bool = False) -> Iterator[None]:
    """Inside the block matplotlib is as it ships, with ``STYLE`` on top: no user's setting has a part.

    Args:
        formulas: whether ``$`` begins one in every text, as in the ticks of a logarithmic axis.
    """
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE | {"text.parse_math": formulas})
        yield


def fix_layout(figure: Figure, formulas: bool = False) -> Figure:
    """The figure with its layout worked out, once for all formats; ``formulas``: see ``house_style``."""
    with house_style(formulas):
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
    return figure


def to_bytes(figure: Figure, suffix: str) -> bytes:
    """The finished figure as the bytes of a file: svg, pdf or png."""
    buffer = io.BytesIO()
    with house_style():
        figure.savefig(buffer, format=suffix, metadata=METADATA[suffix])
    return buffer.getvalue()


def spread(summary: pd.DataFrame, test_set: str, bars: bool = True) -> str:
    """What points, and bars if there are any, are."""
    n = int(summary["seeds"].max())
    several = f"means{' and standard deviations' if bars else ''} over n = {n} seeds"
    single = f"one seed, n = 1{'; bars: standard error from its test images' if bars else ''}"
    return f"{title_of_test_set(summary, test_set)}; {several if n > 1 else single}"


def value_bar(row: pd.Series) -> tuple[float, float]:
    """Balanced accuracy of a row of the summary and the length of its bar, in per cent.

    The bar is the standard deviation over seeds; where there is one, its standard error from the test images.
    """
    sd, error = row["balanced_accuracy_sd"], row["balanced_accuracy_se"]
    return 100 * row["balanced_accuracy"], 100 * (error if math.isnan(sd) else sd)


def markers() -> Iterator[dict[str, Any]]:
    """Colour and marker of one method after another; where colours come again, markers are open."""
    palette = colors()
    for i in count():
        color, marker = palette[i % len(palette)], MARKERS[i % len(MARKERS)]
        face = color if i < len(palette) else "white"
        yield {"color": color, "marker": marker, "markerfacecolor": face}


def column_panels(count: int) -> tuple[Figure, list[Axes]]:
    """A figure as wide as a column, and its panels from top to bottom."""
    figure = Figure(figsize=(COLUMN, 0.5 + 1.9 * count), layout="constrained")
    return figure, list(figure.subplots(count, 1, squeeze=False)[:, 0])


def say_below(figure: Figure, text: str) -> None:
    """What a reader of a figure as wide as a column must know, below its panels."""
    figure.supxlabel(text.replace("; ", ";\n"), fontsize="medium")


def name_methods(figure: Figure, labels: Mapping[str, str]) -> None:
    """A legend above the panels, which keep their height: there can be many methods, with long names.

    What is drawn of a method carries its name, since matplotlib leaves out labels that begin with ``_``.
    """
    handles, methods = figure.axes[0].get_legend_handles_labels()
    names = [labels[method] for method in methods]
    longest = max(len(name) for name in names)
    columns = min(len(names), max(1, CHARACTERS // (longest + MARK)))
    legend(figure, handles, names, columns)
    rows = math.ceil(len(names) / columns)
    figure.set_figheight(figure.get_figheight() + LINE * rows)


def legend(
    figure: Figure, handles: Sequence[Any], names: Sequence[str], columns: int, **look: Any
) -> None:
    """A legend above the panels; matplotlib by itself may leave out names that begin with ``_``."""
    there = [str(i) for i in range(len(names))]
    made = figure.legend(handles, there, loc="outside upper center", ncols=columns, **look)
    for text, name in zip(made.get_texts(), names, strict=True):
        text.set_text(name)


def colors() -> list[Any]:
    """The palette, which people who are colour-blind can tell apart."""
    return list(sns.color_palette("colorblind"))

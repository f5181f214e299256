"""What all figures share: fonts, colors and markers, bars, legends and captions.

The same numbers give the same bytes, also where a user has a matplotlibrc. A figure of one panel is as wide
as a column of a two-column paper, one of several as wide as its page. Text has 8 points at least.
"""

import io
import math
import textwrap
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure

from taet.report.titles import eps_text, setting_title
from taet.scores.summary import title_of_test_set

COLUMN = 3.4  # inches: a column of a two-column paper
PAGE_WIDTH = 2 * COLUMN
POINTS = 8  # of the smallest text
STYLE = {
    "font.family": "DejaVu Sans",  # ships with matplotlib: the same glyphs everywhere
    "font.size": POINTS,
    "legend.fontsize": POINTS,
    "legend.title_fontsize": POINTS,
    **{f"{part}.titlesize": POINTS for part in ("axes", "figure")},
    **{f"{part}.labelsize": POINTS for part in ("axes", "xtick", "ytick", "figure")},
    "figure.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "lines.linewidth": 1.0,
    "lines.markersize": 4,
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
BETTER = "better \N{RIGHTWARDS ARROW}"  # at the end of an axis label; beside a vertical axis it points up
BARS: dict[str, Any] = {"elinewidth": 0.6, "capsize": 1.5}
LINE = 0.16  # inches, of a line of text
ROW = 1.3 * LINE
LEAST_HEIGHT = 1.1  # inches, of a figure with rows, without heading and caption
CHARACTERS = 14.5  # of an inch of text, on average
LEVEL = 2  # characters of a name that is written level below an axis; longer ones are upright
MARKER = 6  # characters that a marker takes in a legend
NARROW = {"handlelength": 1.6, "columnspacing": 1.2}  # in units of the font, of a legend

# Colors of what is neither a method nor an imbalance ratio. Like those of methods they differ for people
# with deuteranopia too.
COLORS = ("#0072b2", "#d55e00", "#009e73", "#e69f00", "#000000", "#56b4e9", "#804d80")
RATIOS = ("#d6a4c4", "#ab669a", "#7c2e68", "#380432")  # of imbalance ratios: light to dark
MARKERS = "os^Dv<>P*Xdph"  # those that look alike far apart
# One color and marker for each kind of method in every figure of every study.
METHODS: dict[str, tuple[str, Any]] = {
    "clean": ("#804d80", "p"),
    "pgd_at": ("#000000", "s"),
    "trades": ("#e69f00", "^"),
    "mart": ("#00cccc", "v"),
    "adt": ("#000080", "P"),
    "he": ("#b366ff", "X"),
    "gairat": ("#cc1a33", "*"),
    "las_at": ("#e6b366", "<"),
    "robal": ("#e666e6", "h"),
    "reat": ("#009e73", ">"),
    "cfa": ("#660000", "d"),
    "dafa": ("#77eeaa", "8"),
    "frl": ("#1100ff", (4, 1, 0)),
    "wat": ("#772244", (3, 1, 0)),
    "bsl_trades": ("#66b366", "H"),
    "at_bsl": ("#0072b2", "D"),
    "taet": ("#d55e00", "o"),
}
UNKNOWN = "#3333cc"  # of a user's own methods, which differ by their markers
STARS = ("*", (4, 1, 0), (3, 1, 0))  # of five, four and three points
STAR = 6  # points; a star of the size of other markers looks smaller
FILLINGS = (0.0, 0.4)  # share of the color in the markers of variants; those of a preset are full


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


# -- methods ------------------------------------------------------------------------------------------


def method_styles(shown: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Color and marker of each method, by its name and not by its position among the others.

    Args:
        shown: ``labels``, and ``families``: see ``taet.study.plan.variants``.
    """
    return {m: _style_of(*shown["families"][m]) for m in shown["labels"]["methods"]}


def _style_of(kind: str, variant: int) -> dict[str, Any]:
    """Variant 0 is the preset of that name; others have its color, another marker, and another filling."""
    own = (UNKNOWN, MARKERS[zlib.crc32(kind.encode()) % len(MARKERS)])
    color, marker = METHODS.get(kind, own)
    face: Any = color
    if variant > 0:
        others = [m for m in MARKERS if m != marker]
        lap, position = divmod(variant - 1, len(others))
        filling = FILLINGS[lap % len(FILLINGS)]
        marker, face = others[position], tuple(1 - filling * (1 - c) for c in to_rgb(color))
    size = STAR if marker in STARS else STYLE["lines.markersize"]
    return {"color": color, "marker": marker, "markersize": size, "markerfacecolor": face}


def ratio_colors(count: int) -> list[str]:
    """Colors of so many imbalance ratios, the least imbalanced lightest: the darkest, well apart.

    They repeat after ``RATIOS``.
    """
    step = max(1, len(RATIOS) // count)
    first = max(0, len(RATIOS) - 1 - step * (count - 1))
    return [RATIOS[(first + step * i) % len(RATIOS)] for i in range(count)]


# -- numbers ------------------------------------------------------------------------------------------


def value_bar(row: "pd.Series[Any]") -> tuple[float, tuple[float, float]]:
    """Balanced accuracy of a row of the summary in per cent, and how far its bar reaches down and up.

    The bar is the standard deviation over seeds; where there is one seed, its standard error from the test
    images. It ends at 0 and at 100.
    """
    sd, error = row["balanced_accuracy_sd"], row["balanced_accuracy_se"]
    return with_bar(100 * row["balanced_accuracy"], 100 * (error if math.isnan(sd) else sd))


def with_bar(percent: float, reach: float) -> tuple[float, tuple[float, float]]:
    """A value and how far a bar around it reaches down and up, within 0 and 100."""
    return percent, (min(reach, percent), min(reach, 100 - percent))


def means_and_bars(
    bars: Iterable[tuple[float, tuple[float, float]]],
) -> tuple[list[float], list[list[float]]]:
    """What ``errorbar`` takes of several values: means, and how far bars reach down and up."""
    means, reaches = zip(*bars, strict=True)
    return list(means), [list(ends) for ends in zip(*reaches, strict=True)]


def spread(summary: pd.DataFrame, test_set: str, bars: bool = True) -> str:
    """What points, and bars if there are any, are."""
    n = int(summary["seeds"].max())
    several = f"means{' and standard deviations' if bars else ''} over n = {n} seeds"
    single = f"one seed, n = 1{'; bars: standard error from its test images' if bars else ''}"
    return f"{title_of_test_set(summary, test_set)}; {several if n > 1 else single}"


# -- layout -------------------------------------------------------------------------------------------


def side_by_side(count: int) -> tuple[Figure, list[Axes]]:
    """A figure with a panel or two, from left to right; each has the width of a column."""
    figure = Figure(figsize=(COLUMN * count, 2.6), layout="constrained")
    return figure, list(figure.subplots(1, count, squeeze=False)[0])


def row_panels(
    names: Sequence[str], titles: Sequence[str], row: float = ROW
) -> tuple[Figure, list[Axes]]:
    """A figure as wide as a page: panels side by side that share a row for each name, the first on top.

    Unlike points in one panel, rows cannot hide each other, and need no legend.

    Args:
        row: its height in inches.
    """
    height = max(LEAST_HEIGHT, 0.5 + row * len(names))
    figure = Figure(figsize=(PAGE_WIDTH, height), layout="constrained")
    panels = list(figure.subplots(1, len(titles), sharey=True, squeeze=False)[0])
    for axes, title in zip(panels, titles, strict=True):
        axes.set_title(title)
        axes.grid(axis="y", linewidth=0.3, color="0.85")
    panels[0].set_yticks(range(len(names)), names)
    panels[0].set_ylim(len(names) - 0.5, -0.5)
    return figure, panels


def grid_shape(count: int, most: int) -> tuple[int, int]:
    """Rows and columns for so many panels, at most ``most`` in a row, with few that stay empty."""
    rows = math.ceil(count / most)
    return rows, math.ceil(count / rows)


def setting_of(shown: Mapping[str, Any], about: Mapping[str, Any], attacked: bool = True) -> str:
    """Data set, imbalance ratio, network and, where images are attacked, the radius of a figure."""
    ratio = about.get("imbalance_ratio", " and ".join(about.get("ratios", [])))
    title = setting_title(shown["labels"], about["dataset"], ratio, about["architecture"])
    return f"{title}, L-inf eps {eps_text(shown['threat'].eps)}" if attacked else title


def caption(figure: Figure, text: str) -> None:
    """What a reader must know, below the panels, in lines of the figure's width.

    Give the figure its width before; it becomes higher, so that panels keep their height.
    """
    lines = _wrapped(figure, text)
    figure.supxlabel("\n".join(lines))
    figure.set_figheight(figure.get_figheight() + LINE * len(lines))


def heading(figure: Figure, text: str) -> None:
    """What the figure is about, above everything: over the legend if there is one."""
    lines = _wrapped(figure, text)
    if figure.legends:
        legend = figure.legends[0]
        legend.set_title("\n".join(lines), prop={"weight": "bold", "size": POINTS})
        legend.get_title().set_multialignment("center")
    else:
        figure.suptitle("\n".join(lines))
    figure.set_figheight(figure.get_figheight() + LINE * len(lines))


def upright(axes: Axes, names: Sequence[str]) -> None:
    """Turn names below an axis that have no room beside each other."""
    if room_for(names):
        axes.tick_params(axis="x", labelrotation=90)


def room_for(names: Sequence[str]) -> float:
    """Inches that names below an axis need."""
    longest = max(map(len, names))
    return longest / CHARACTERS if longest > LEVEL else 0.0


def _wrapped(figure: Figure, text: str) -> list[str]:
    """As few lines as the figure's width allows, about equally long."""
    room = int(CHARACTERS * figure.get_figwidth())
    fewest = len(textwrap.wrap(text, room))
    longest = max(map(len, text.split()), default=1)
    widths = range(min(longest, room), room + 1)
    return textwrap.wrap(text, next(w for w in widths if len(textwrap.wrap(text, w)) == fewest))


def name_methods(figure: Figure, labels: Mapping[str, str]) -> None:
    """A legend above the panels, which keep their height: there can be many methods, with long names.

    What is drawn of a method carries its name, since matplotlib leaves out labels that begin with ``_``.
    """
    handles, methods = figure.axes[0].get_legend_handles_labels()
    points = [h[0] if isinstance(h, ErrorbarContainer) else h for h in handles]
    name_series(figure, points, [labels[method] for method in methods])


def name_series(figure: Figure, handles: Sequence[Any], names: Sequence[str]) -> None:
    """A legend above the panels, in as many columns as there is room for.

    matplotlib by itself may leave out names that begin with ``_``.
    """
    room = int(CHARACTERS * figure.get_figwidth())
    widths = [len(name) + MARKER for name in names]
    columns = len(names) if sum(widths) <= room else max(1, room // max(widths))
    numbers = [str(i) for i in range(len(names))]
    legend = figure.legend(handles, numbers, loc="outside upper center", ncols=columns, **NARROW)
    for text, name in zip(legend.get_texts(), names, strict=True):
        text.set_text(name)
    rows = math.ceil(len(names) / columns)
    figure.set_figheight(figure.get_figheight() + 1.25 * LINE * rows)

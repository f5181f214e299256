"""Names of classes, methods and attacks reach files, tables and figures as they are written."""

import hashlib
import json
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import pytest
from markdown_it import MarkdownIt
from matplotlib.figure import Figure
from matplotlib.text import Text

from taet.report import tables, typeset
from taet.report.style import fix_layout, to_bytes
from taet.scores.csv_bytes import csv_bytes
from taet.scores.summary import over_seeds, read_rows
from tests.unit.report import test_tables as made

ROOT = Path(__file__).parents[2]
MISSING = ["None", "NA", "nan", "null", "N/A", "#N/A", "-", "true", "inf"]
ODD = [
    "A$$",
    "$5 to $10",
    "_y",
    "__",
    "%",
    "a & b",
    "#1",
    "{x}",
    "\\",
    "a|b",
    "<b>",
    "=SUM(A1)",
    "a,b",
    '"',
]
FOREIGN = ["\u732b", "\u72d7"]  # characters that the font has not


def named(names: list[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Features and examples of classes with these names."""
    image = np.full((4, 4, 1), 0.5, "float32")
    cells = [(m, c) for m in ("b", "a") for c in range(len(names))]
    points = [
        {"method": m, "seed": 0, "class_index": c, "class_name": names[c], "x": c, "y": i}
        for m, c in cells
        for i in range(3)
    ]
    seen = [
        {"method": m, "seed": 0, "class_index": c, "class_name": names[c], "image": image,
         "added": image / 9, "clean": names[c], "attacked": names[c - 1]}
        for m, c in cells
    ]  # fmt: skip
    return pd.DataFrame(points), pd.DataFrame(seen)


def drawn(figure: str, rows: pd.DataFrame, shown: dict[str, Any] = made.SHOWN) -> Figure:
    """The figure, drawn without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = fix_layout(made.draw(figure, rows, shown))
        to_bytes(result, "svg")
        return result


WEIGHTS = made.SHOWN | {
    "variants": {
        "k": {m: {"alpha": a, "beta": a, "gamma": 0.0} for m, a in (("b", 0.1), ("a", 1.0))}
    }
}


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


@pytest.mark.parametrize("name", [*MISSING, *ODD, *FOREIGN, "a;b", " a"])
def test_names_survive_their_files(name: str, tmp_path: Path) -> None:
    rows = pd.DataFrame([{"method": name, "class_name": name, "other": None, "accuracy": 0.5}] * 2)
    file = tmp_path / "x.csv"
    file.write_bytes(rows.to_csv(index=False, lineterminator="\n").encode())
    found = read_rows(file)
    assert list(found["method"]) == list(found["class_name"]) == [name, name]
    assert found["other"].isna().all()
    assert found["accuracy"].sum() == 1


def test_no_code_reads_tables_with_names_by_itself() -> None:
    """``read_csv`` takes NA for a gap; benchmarks read numbers of their own."""
    for folder in ("src", "workflow/scripts"):
        for file in (ROOT / folder).rglob("*.py"):
            calls = file.read_text(encoding="utf-8").count("read_csv(")
            assert calls == (file.name == "summary.py"), file


@pytest.mark.parametrize("names", [MISSING[:5], MISSING[5:], ODD[:5], ODD[5:10], ODD[10:]])
def test_figures_print_names_as_they_are(names: list[str]) -> None:
    features, examples = named(names)
    figure = drawn("features", features)
    assert texts(figure) == [f"Class {name}" for name in names]
    assert figure.legends[0].get_title().get_text().endswith("Net: features of the rarest classes")
    assert [len(axes.lines) for axes in figure.axes if axes.lines] == [len(names)] * 2
    figure = drawn("examples", examples)
    assert [axes.get_title() for axes in figure.axes[: len(names)]] == [
        f"Class {name}" for name in names
    ]


def test_formulas_are_not_read_into_names() -> None:
    """What is drawn of ``$x$`` is no other than what is drawn of its characters."""
    title = drawn("features", named(["$x$", "b"])[0]).legends[0].get_texts()[0]
    assert not title.get_parse_math()
    label = drawn("loss_weights", made.metrics(), WEIGHTS).axes[0].xaxis.label
    assert label.get_parse_math(), "a formula of ours"


@pytest.mark.parametrize("figure", ["ba_br", "learning", "efficiency", "imbalance"])
def test_figures_print_labels_as_they_are(figure: str) -> None:
    """In the legend, or beside the rows."""
    labels = made.SHOWN["labels"] | {"methods": {"b": "_y $5$ {%", "a": "\\#<b>&"}}
    result = drawn(figure, made.SOURCES[figure](3), made.SHOWN | {"labels": labels})
    beside_rows = [text.get_text() for text in result.axes[0].get_yticklabels()]
    printed = beside_rows if figure in ("efficiency", "imbalance") else texts(result)
    assert set(printed) == {"_y $5$ {%", "\\#<b>&"}


@pytest.mark.parametrize("figure", ["per_class", "confusion", "forest", "features", "examples"])
def test_panels_take_any_label(figure: str) -> None:
    labels = {axis: {n: f"_$ {v} $\\%" for n, v in of.items()} for axis, of in made.SHOWN["labels"].items()}  # fmt: skip
    result = drawn(figure, made.SOURCES[figure](3), made.SHOWN | {"labels": labels})
    printed = [text for text in result.findobj(Text) if "_$" in text.get_text()]
    assert not any(text.get_parse_math() for text in printed)
    together = " ".join(" ".join(text.get_text().split()) for text in printed)
    expected = [
        *labels["methods"].values(),
        labels["datasets"]["d"],
        labels["architectures"]["net"],
    ]
    if figure != "features":  # of clean images
        expected.append(labels["attacks"]["pgd"])
    assert [label for label in expected if label not in together] == []


def test_names_that_the_font_has_not_are_numbers() -> None:
    features, examples = named([*FOREIGN, "dog"])
    figure = drawn("features", features)
    assert texts(figure) == [f"Class number {i}" for i in range(3)], "for all: 2 may be a name too"
    figure = drawn("examples", examples)
    assert figure.axes[0].get_title() == "Class number 0"
    assert [text.get_text() for text in figure.axes[3].texts[-2:]] == ["0", " → 2"]


def test_long_names_leave_room() -> None:
    long = ["actinic keratoses and intraepithelial carcinoma", "melanoma"]
    features, examples = named(long)
    assert texts(drawn("features", features)) == [f"Class {name}" for name in long]
    figure = drawn("examples", examples)
    assert figure.axes[0].get_title() == "Class actinic kerat…"
    alike = drawn("examples", named([f"{long[0]} {i}" for i in range(2)])[1])
    assert alike.axes[0].get_title() == "Class number 0"


def test_class_names_in_tables() -> None:
    frame = made.metrics()
    frame.loc[frame["class_index"] == "1", ["class_name", "train_images"]] = ["NA & \u732b_", 3]
    table = made.table_of("the rarest classes", made.summary(frame), made.differences())
    assert table.head == ["Method", "clean: NA & \u732b_", "PGD-2: NA & \u732b_"]
    assert (
        "The class with the fewest training images (their number): NA & \u732b_ (3)." in table.note
    )
    latex = typeset.latex([table])
    assert latex.splitlines()[1] == "% Needs XeLaTeX or LuaLaTeX, and a font with \u732b"
    assert r"NA \& " + "\u732b" + r"\_" in latex
    assert len(over_seeds(frame, 0.95)) == len(over_seeds(made.metrics(), 0.95))


MARKDOWN = [
    *MISSING[:-3], *ODD, *FOREIGN, "[a](http://x)", "![a](b)", "[a][b]", "[a]: /u", "&amp;", "&#36;", "&copy; x",
    "_a_", "__a__", "a_b_c", "*a*", "**a**", "~~a~~", "~a~", "`a`", "``a` b``", "<http://x.y>", "# a", "a #", "- a",
    "+ a", "1. a", "123) a", "> a", "---", "***", "_ _ _", "a\nb", "a\r\nb", "\\*", "a\\", "![", "](", "[^1]", "C#",
    "61.0 [58.5, 63.5]! (L2 0.10)", "<!-- x -->", "tom&jerry;", "- [ ] a", "0.",
]  # fmt: skip


@pytest.mark.parametrize("text", MARKDOWN)
@pytest.mark.parametrize("where", ["{}\n", "## {}\n", "| a |\n| --- |\n| {} |\n"])
def test_markdown_prints_text_as_it_is(where: str, text: str) -> None:
    escape = typeset.markdown_inline if "|" in where else typeset.markdown_text
    reader = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    (content,) = [
        token for token in reader.parse(where.format(escape(text))) if token.type == "inline"
    ][-1:]  # fmt: skip
    assert {child.type for child in content.children or []} <= {"text", "text_special"}
    assert "".join(child.content for child in content.children or []) == " ".join(text.split())


@pytest.mark.parametrize("address", ["https://x.org", "www.x.org", "HTTP://x"])
def test_addresses_are_no_links(address: str) -> None:
    assert typeset.markdown_text(address) in (r"https\://x.org", r"www\.x.org", r"HTTP\://x")


def test_ordinary_text_is_left_alone() -> None:
    for text in ("B & C", "Data_1", "-20.0 [-24.0, -15.0]", "n = 3 (x) [95 %: y]", "41.0 ≈!"):
        assert typeset.markdown_text(text) == typeset.markdown_inline(text) == text
    assert [typeset.markdown_inline(cell) for cell in ("-", "> 1000")] == ["-", "> 1000"]


# -- a collapsed network ------------------------------------------------------------------------------

COLLAPSED = "predicts one class for all images: the training has collapsed"


def test_the_warning_is_the_one_that_is_looked_for() -> None:
    import torch  # which the process below does without

    from taet.adversary.warnings import clean_warnings

    assert clean_warnings(torch.zeros(3, dtype=torch.int64), 10) == [COLLAPSED]


@pytest.mark.parametrize("which", ["a", "b"])
def test_a_collapsed_network_is_not_ranked(which: str) -> None:
    """Also where it has the largest mean, and where one seed of several has collapsed."""
    frame = made.metrics()
    frame.loc[(frame["method"] == which) & (frame["seed"] == 1), "warnings"] = COLLAPSED
    frame.loc[frame["class_index"] == "1", "train_images"] = 3
    open_ = made.differences().assign(low=-0.01)
    found = {t.title: t for t in tables.main_tables(made.summary(frame), open_, made.SHOWN)}
    row, label = (0, "B & C") if which == "b" else (1, "A|x")
    titles = (
        "all classes",
        "by class frequency",
        "the rarest classes",
        "cost of training",
        "variants",
    )
    for title in titles:
        assert {mark for (r, _), mark in found[title].marks.items() if r == row} == set(), title
        assert {mark for (r, _), mark in found[title].marks.items() if r != row} == {"best"}, title
        assert f"Not ranked, since a network predicts one class: {label}." in found[title].note
        assert not any("≈" in cell for cells in found[title].rows for cell in cells), title
    other = "A|x" if which == "b" else "B & C"
    assert f"differences to {other}, BR PGD-2" in found
    assert "Not ranked" not in next(tables.main_tables(made.summary(), open_, made.SHOWN)).note


def test_nothing_is_ranked_where_all_have_collapsed() -> None:
    frame = made.summary(made.metrics().assign(warnings=COLLAPSED))
    found = list(tables.main_tables(frame, made.differences(), made.SHOWN))
    assert not any(table.marks for table in found)
    assert not any("differences" in table.title for table in found)


# -- what a user has set ------------------------------------------------------------------------------

HOSTILE = """
font.size: 20
figure.dpi: 50
savefig.format: pdf
axes.grid: True
axes.formatter.use_locale: True
text.usetex: False
figure.facecolor: red
lines.linewidth: 9
svg.fonttype: none
pdf.compression: 0
axes.prop_cycle: cycler('color', ['red'])
image.interpolation: bilinear
errorbar.capsize: 7
"""


@pytest.fixture(scope="module")
def undisturbed() -> dict[str, str]:
    return digests()


def digests() -> dict[str, str]:
    """Of some figures in every format, and of the tables."""
    shown = made.SHOWN
    figures = {
        "ba_br": fix_layout(made.draw("ba_br", made.metrics())),
        "confusion": fix_layout(made.draw("confusion", made.confusion(1))),
        "loss_weights": fix_layout(made.draw("loss_weights", made.metrics(), WEIGHTS)),
    }
    formats = [("ba_br", "pdf"), ("confusion", "png"), *((name, "svg") for name in figures)]
    files = {f"{name}.{suffix}": to_bytes(figures[name], suffix) for name, suffix in formats}
    found = list(tables.main_tables(made.summary(), made.differences(), shown))
    files["main.md"] = typeset.markdown(found, "T").encode()
    files["main.tex"] = typeset.latex(found).encode()
    files["summary.csv"] = csv_bytes(made.summary())
    return {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}


def test_settings_of_a_caller_reach_no_figure(undisturbed: dict[str, str]) -> None:
    with matplotlib.rc_context({"font.size": 20, "axes.grid": True, "lines.linewidth": 9}):
        assert digests() == undisturbed
        assert matplotlib.rcParams["font.size"] == 20, "and are left as they were"


def test_settings_of_a_user_reach_no_figure(tmp_path: Path, undisturbed: dict[str, str]) -> None:
    (tmp_path / "matplotlibrc").write_text(HOSTILE)
    hostile = {
        "MATPLOTLIBRC": str(tmp_path / "matplotlibrc"),
        "MPLBACKEND": "pdf",
        "SOURCE_DATE_EPOCH": "1000000000",
        "LC_ALL": "C",
        "TZ": "Asia/Tokyo",
        "PYTHONHASHSEED": "7",
        "PANDAS_FUTURE_INFER_STRING": "0",
        "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]),
    }
    code = (
        "import json, pandas, seaborn; seaborn.set_theme(); pandas.set_option('display.precision', 1);"
        "from tests.unit.test_names import digests; print(json.dumps(digests()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **hostile}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == undisturbed

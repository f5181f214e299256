"""Tables as text: Markdown for people, LaTeX for papers."""

import re
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from taet.characters import LAST_CHARACTER

Rows = list[list[str]]
Mark = Literal["best", "second"]
Marks = Mapping[tuple[int, int], Mark]  # by row and column

MARKDOWN = {"best": "**{}**", "second": "<u>{}</u>"}
LATEX = {"best": r"\textbf{{{}}}", "second": r"\underline{{{}}}"}
NONE = "\N{EN DASH}"  # in place of a number or name that there is not
HEAD_WIDTH = 14  # characters in a line of a LaTeX table's head


@dataclass(frozen=True)
class Table:
    """A table ready to be written.

    Attributes:
        about: the data set, imbalance ratio and architecture, as people say it.
        title: what it shows of that.
        note: what a reader must know about the numbers.
        head: column titles.
        rows: text of the cells.
        marks: which cells stand out.
    """

    about: str
    title: str
    note: str
    head: list[str]
    rows: Rows
    marks: Marks = field(default_factory=dict)

    @property
    def caption(self) -> str:
        """What it is about, and its title."""
        return f"{self.about}: {self.title}"

    @property
    def sentences(self) -> list[str]:
        """Those of the note."""
        return re.split(r"(?<=\.) ", self.note)


def percent(share: float) -> str:
    """``95 %``, with as many digits as it has."""
    return f"{100 * share:.6g} %"


def markdown(tables: Sequence[Table], title: str) -> str:
    """All tables as GitHub Markdown."""
    parts = [f"# {title}\n"]
    for table in tables:
        text = f"{markdown_table(table)}\n\n{markdown_text(table.note)}\n"
        parts.append(f"## {markdown_text(table.caption)}\n\n{text}")
    return "\n".join(parts)


def markdown_table(table: Table) -> str:
    """Head and rows of one table."""
    lines = [
        [markdown_inline(cell) for cell in table.head],
        ["---"] + ["---:"] * (len(table.head) - 1),
        *_cells(table, _md_cell),
    ]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def latex(tables: Sequence[Table]) -> str:
    """All tables as LaTeX; its first lines say what it needs.

    As wide as the page, in a text of two columns too; intervals are below their numbers, and what is still
    too wide is made smaller.
    """
    parts: list[str] = []
    fitted = r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%"
    for table in tables:
        head = [_stacked(map(_tex, textwrap.wrap(cell, HEAD_WIDTH))) for cell in table.head]
        rows = _cells(table, _tex_cell)
        lines = [
            r"\begin{table*}",
            r"\centering",
            rf"\caption{{{_tex(table.caption)}}}",
            fitted,
            rf"\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}",
            r"\toprule",
            " & ".join(head) + r" \\",
            r"\midrule",
            *(_protected(" & ".join(row)) + r" \\" for row in rows),
            r"\bottomrule",
            r"\end{tabular}}",
            rf"\par\smallskip\parbox{{\linewidth}}{{\footnotesize {_tex(table.note)}}}",
            r"\end{table*}",
        ]
        parts.append("\n".join(lines) + "\n")
    return "\n".join([_needs("".join(parts)), *parts])


def _needs(text: str) -> str:
    """pdflatex has no characters of most scripts; the other engines have those of the document's font."""
    foreign = "".join(sorted({c for c in text if ord(c) > LAST_CHARACTER}))
    fonts = f"% Needs XeLaTeX or LuaLaTeX, and a font with {foreign}\n" if foreign else ""
    return f"% Needs \\usepackage{{booktabs,graphicx}}\n{fonts}"


def _cells(table: Table, write: Callable[[str, Mark | None], str]) -> Rows:
    return [
        [write(cell, table.marks.get((row, column))) for column, cell in enumerate(cells)]
        for row, cells in enumerate(table.rows)
    ]


def _md_cell(cell: str, mark: Mark | None) -> str:
    text = markdown_inline(cell)
    return MARKDOWN[mark].format(text) if mark else text


_INTERVAL = re.compile(r"(.*\d) (\[.*\])(.*)")


def _tex_cell(cell: str, mark: Mark | None) -> str:
    """An interval is in small print below its number."""
    parts = _INTERVAL.fullmatch(cell)
    number = _tex(cell if parts is None else parts[1] + parts[3])
    marked = LATEX[mark].format(number) if mark else number
    return marked if parts is None else _stacked([marked, rf"\scriptsize {_tex(parts[2])}"])


def _stacked(lines: Iterable[str]) -> str:
    """Lines of one cell."""
    several = list(lines)
    if len(several) == 1:
        return several[0]
    return r"\begin{tabular}{@{}r@{}}" + r"\\[-0.5ex] ".join(several) + r"\end{tabular}"


# Where Markdown, GitHub's with its links and formulas, would not print what is written: a \ goes there.
_MARKDOWN = re.compile(
    r"""
      (?=[\\|*`~$])
    | (?<![^\W_])(?=_) | (?=_(?![^\W_]))             # emphasis; not inside a word
    | (?<=\])(?=[(\[:])                              # a link, an image, what a link refers to
    | (?<=http)(?=://) | (?<=https)(?=://) | (?<=ftp)(?=://) | (?<=www)(?=\.)
    | (?<!\S)(?=\#)                                  # a title, or the end of one
    """,
    re.VERBOSE | re.IGNORECASE,
)
_BLOCK = re.compile(
    r"^(?:(?=[-+](?:\s|$)|--|>)|(\d+)(?=[.)](?:\s|$)))"
)  # a list, a rule, a quotation
_ENTITY = re.compile(r"&(?=#?\w+;)")


def markdown_text(text: str) -> str:
    """Text that Markdown prints as it is, as a paragraph, a title or a cell of a table."""
    return _BLOCK.sub(r"\1\\", markdown_inline(text))


def markdown_inline(text: str) -> str:
    """The same where no list, rule or quotation can begin: in a cell of a table."""
    line = re.sub(r"[\r\n]+", " ", text).strip()
    return _ENTITY.sub("&amp;", _MARKDOWN.sub(r"\\", line)).replace("<", "&lt;")


def _protected(row: str) -> str:
    """A row that does not begin with what the end of the one before would take for its own."""
    return "{}" + row if row.startswith(("[", "*")) else row


_TEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "`": r"\textasciigrave{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "\N{MINUS SIGN}": "$-$",
    NONE: "--",
    "≈": r"$\approx$",
    "≥": r"$\geq$",
    "∞": r"$\infty$",
    "\n": " ",
    **{c: f"${c}$" for c in "<>|"},  # other characters in TeX's own encoding of text
    **{c: "\\" + c for c in "&%$#_{}"},
}


def _tex(text: str) -> str:
    return "".join(_TEX.get(c, c) for c in text)

"""Tables as text: Markdown for people, LaTeX for papers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Rows = list[list[str]]
Mark = Literal["best", "second"]
Marks = Mapping[tuple[int, int], Mark]  # by row and column

WORDS = {"best": ("**{}**", r"\textbf{{{}}}"), "second": ("<u>{}</u>", r"\underline{{{}}}")}


@dataclass(frozen=True)
class Table:
    """A table ready to be written.

    Attributes:
        title: what it shows.
        note: what a reader must know about the numbers.
        head: column titles.
        rows: text of the cells.
        marks: which cells stand out.
    """

    title: str
    note: str
    head: list[str]
    rows: Rows
    marks: Marks = field(default_factory=dict)


def markdown(tables: Sequence[Table], title: str) -> str:
    """All tables as GitHub Markdown."""
    parts = [f"# {title}\n"]
    for table in tables:
        parts.append(f"## {_md(table.title)}\n\n{markdown_table(table)}\n\n{_md(table.note)}\n")
    return "\n".join(parts)


def markdown_table(table: Table) -> str:
    """Head and rows of one table."""
    lines = [
        [_md(cell) for cell in table.head],
        ["---"] + ["---:"] * (len(table.head) - 1),
        *_marked(table, _md, 0),
    ]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def latex(tables: Sequence[Table]) -> str:
    """All tables as LaTeX; needs the packages booktabs and graphicx."""
    parts = ["% Needs \\usepackage{booktabs,graphicx}\n"]
    for table in tables:
        lines = [" & ".join(line) + r" \\" for line in _marked(table, _tex, 1)]
        parts.append(
            "\\begin{table}\n\\centering\n"
            f"\\caption{{{_tex(table.title)}. {_tex(table.note)}}}\n"
            f"\\resizebox{{\\linewidth}}{{!}}{{\\begin{{tabular}}{{l{'r' * (len(table.head) - 1)}}}\n"
            "\\toprule\n" + " & ".join(_tex(cell) for cell in table.head) + " \\\\\n\\midrule\n"
            "" + "\n".join(lines) + "\n\\bottomrule\n\\end{tabular}}\n\\end{table}\n"
        )
    return "\n".join(parts)


def _marked(table: Table, escape: Callable[[str], str], language: int) -> Rows:
    """Escaped cells, with what stands out in the words of Markdown (0) or LaTeX (1)."""
    rows = [[escape(cell) for cell in row] for row in table.rows]
    for (row, column), mark in table.marks.items():
        rows[row][column] = WORDS[mark][language].format(rows[row][column])
    return rows


def _md(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


_TEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "≈": r"$\approx$",
    "∞": r"$\infty$",
    "\n": " ",
    **{c: f"${c}$" for c in "<>|"},  # other characters in TeX's own encoding of text
    **{c: "\\" + c for c in "&%$#_{}"},
}


def _tex(text: str) -> str:
    return "".join(_TEX.get(c, c) for c in text)

"""Method cards: the docstrings and options of the files in ``methods/``, for the terminal and the docs."""

import re
from collections import Counter
from collections.abc import Iterator

from taet.options import MethodOptions
from taet.study.params import plugins
from taet.study.params.descriptions import descriptions

PAGE = """# Methods

**Which methods exist, what do they cost, and which options do they have?** There are {methods}; {usual} cost
{passes}. The cost is forward + backward passes of an image in a training step with K attack steps (ADT: T
inner steps of S samples). Below the table are formulas, and our choice where paper and code differ.
[fidelity.md](fidelity.md) lists what differs from the authors' code. This page is written by
`python -m taet methods --markdown > docs/methods.md`.
"""
CITATION = re.compile(r".*\((.+?)(?:, CVPR)? (\d{4})\)")
NONE = "\N{EN DASH}"  # where a method has none
COST = re.compile(r"Cost per step[^:]*: ([^:]+?) forward and ([^:]+?) backward pass")


def terminal() -> str:
    """All cards as plain text."""
    parts = []
    for name in plugins.names("methods"):
        options = "\n".join(f"  {field}: {text}" for field, text in _own_options(name))
        parts.append(
            f"{name}\n{'-' * len(name)}\n{plugins.card('methods', name)}\n\n{options}".rstrip()
        )
    common = "\n".join(f"  {field}: {text}" for field, text in _common_options())
    parts.append(f"options of every method\n{'-' * 23}\n{common}")
    return "\n\n".join(parts)


def markdown() -> str:
    """All cards as the page docs/methods.md."""
    parts = [_introduction(), _table(), _section("Options of every method", "", _common_options())]
    for name in plugins.names("methods"):
        title, _, text = plugins.card("methods", name).partition("\n")
        title = re.sub(r" \([^()]* \d{4}\)", "", title)  # the table has the source, and the cost
        text = re.sub(rf"{COST.pattern}(es)?\.\Z", "", text.strip())
        parts.append(
            _section(f"`{name}`: {_inline(title)}", _inline(text.strip()), _own_options(name))
        )
    return "\n".join(parts)


def _introduction() -> str:
    names = plugins.names("methods")
    ((passes, usual),) = Counter(map(_passes, names)).most_common(1)
    return PAGE.format(methods=len(names), usual=usual, passes=passes)


def _passes(name: str) -> str:
    """Forward and backward passes of a training step, from the last lines of the method's docstring."""
    cost = COST.search(plugins.card("methods", name))
    return " + ".join(f"({n})" if " " in n else n for n in cost.groups()) if cost else NONE


def _table() -> str:
    """A row for each method: authors and year from its title, passes, options."""
    lines = ["| method | paper | year | passes | options |", "| --- | --- | ---: | --- | --- |"]
    for name in plugins.names("methods"):
        citation = CITATION.match(plugins.card("methods", name))
        authors, year = citation.groups() if citation else (NONE, NONE)
        options = ", ".join(f"`{option}`" for option, _ in _own_options(name)) or NONE
        lines.append(f"| `{name}` | {authors} | {year} | {_passes(name)} | {options} |")
    return "\n".join(lines) + "\n"


def _section(title: str, text: str, options: Iterator[tuple[str, str]]) -> str:
    lines = [f"- `{field}`: {_inline(description)}" for field, description in options]
    blocks = [f"## {title}", text, "\n".join(lines)]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _common_options() -> Iterator[tuple[str, str]]:
    texts = descriptions(MethodOptions)
    for field in MethodOptions.model_fields:
        yield field, texts.get(field, "")


def _own_options(name: str) -> Iterator[tuple[str, str]]:
    options = plugins.options_class("methods", name)
    for field in options.model_fields:
        if field not in MethodOptions.model_fields:
            yield field, descriptions(options).get(field, "")


def _inline(text: str) -> str:
    """Docstring text as Markdown: ``code`` stays code, all other characters with a meaning are escaped."""
    parts = re.split(r"``(.+?)``", text)
    return "".join(
        f"`{part}`" if i % 2 else re.sub(r"([\\*_<>|])", r"\\\1", part)
        for i, part in enumerate(parts)
    )

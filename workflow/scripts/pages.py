"""Render the pages that show numbers: each ``X.md`` from its template ``X.md.in`` beside it.

    python workflow/scripts/pages.py

Templates are Markdown with calls in double braces: of ``saved_numbers`` and ``overfitting`` for saved
results, of ``check_numbers`` for tests, of ``benchmarks/saved_times.py`` for times. People write the
sentences, this script the numbers; a test renders all pages again.
"""

import sys
from pathlib import Path

import jinja2

import check_numbers
import overfitting
import saved_numbers
from taet.errors import UserError

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))
import saved_times  # noqa: E402

MARK = "<!-- Rendered from {} by workflow/scripts/pages.py: edit that, not this. -->\n"


def templates():
    """All templates."""
    return [ROOT / "README.md.in", *sorted((ROOT / "docs").rglob("*.md.in"))]


def target(template):
    """The page of a template."""
    return template.with_suffix("")


def rendered(template):
    """The text of a page.

    Raises:
        UserError: a call fails, or a claim does not hold.
    """
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    modules = (saved_numbers, overfitting, check_numbers)
    calls = {call.__name__: call for module in modules for call in module.CALLS}
    calls |= saved_times.names()
    try:
        body = environment.from_string(template.read_text(encoding="utf-8")).render(calls)
    except (jinja2.TemplateError, UserError) as error:
        raise UserError(f"{template.relative_to(ROOT)}: {error}") from None
    return MARK.format(template.name) + body


if __name__ == "__main__":
    if sys.argv[1:]:
        sys.exit("pages: takes no arguments: python workflow/scripts/pages.py")
    try:
        texts = {target(template): rendered(template) for template in templates()}
    except UserError as error:
        sys.exit(f"pages: {error}")
    for page, text in texts.items():
        page.write_text(text, encoding="utf-8")

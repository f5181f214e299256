"""Links between pages lead somewhere, and every page can be found."""

import re
from pathlib import Path

import pytest

from tests.conftest import ROOT

LINK = re.compile(r"\]\(([^)\s]+)\)")
PAGES = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").rglob("*.md"),
    *(ROOT / "data").rglob("README.md"),
]


def links(page: Path) -> list[str]:
    return LINK.findall(page.read_text())


def anchors(page: Path) -> set[str]:
    """Of a page's headings, as code hosts make them."""
    heads = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        if "://" in link:
            continue
        file, _, anchor = link.partition("#")
        target = page.parent / file if file else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("start", ["README.md", "docs/README.md"])
def test_every_page_is_linked(start: str) -> None:
    page = ROOT / start
    linked = {(page.parent / link.partition("#")[0]).resolve() for link in links(page)}
    missing = {p for p in (ROOT / "docs").rglob("*.md") if p.resolve() not in linked} - {page}
    assert not missing

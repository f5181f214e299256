"""Pages of docs/ as tests see them."""

import re
import shlex

from tests.conftest import ROOT


def block(page: str, language: str, number: int = 0, section: str = "") -> str:
    """A block of code of a page, or of the section with a title."""
    text = (ROOT / "docs" / page).read_text()
    if section:
        _, _, text = text.partition(f"# {section}\n")
        text = re.split(r"^#+ ", text, maxsplit=1, flags=re.MULTILINE)[0]
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)[number]


def commands(page: str, number: int = 0) -> list[list[str]]:
    """What a block of the page has its reader type, as Tree.run takes it."""
    lines = block(page, "sh", number).splitlines()
    return [shlex.split(line.removeprefix("python -m ")) for line in lines]

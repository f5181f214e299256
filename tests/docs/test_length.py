"""Pages stay short: each within its budget of words, each sentence within twenty-five. One spelling in all."""

import re
from pathlib import Path

import pytest

from tests.conftest import ROOT

LONGEST = 25  # words of a sentence
# Spellings of British English: pages are written in American English, as names in the code are.
BRITISH = re.compile(
    r"\b(?!promis)\w*(?:[mln]is(?:e[drs]?|ing|ation)|olour|avour|ehaviour|eighbour|[bd]elled)\w*|\b(?:grey|centre|defence)\b",
    re.IGNORECASE,
)
BUDGETS = {
    "CHANGELOG.md": 980,
    "CONTRIBUTING.md": 985,
    "data/README.md": 570,
    "docs/README.md": 228,
    "docs/add_a_data_set.md": 380,
    "docs/add_a_method.md": 215,
    "docs/add_an_attack.md": 255,
    "docs/claim_a_result.md": 400,
    "docs/cluster.md": 945,
    "docs/command_line.md": 335,
    "docs/contributing/how_numbers_are_checked.md": 925,
    "docs/contributing/way_of_a_parameter.md": 250,
    "docs/evaluate_your_model.md": 410,
    "docs/evaluation.md": 905,
    "docs/fidelity.md": 918,
    "docs/large_studies.md": 370,
    "docs/methods.md": 3095,
    "docs/overfitting.md": 855,
    "docs/python.md": 310,
    "docs/read_a_results_file.md": 475,
    "docs/reproduce_a_table.md": 460,
    "docs/results.md": 960,
    "docs/share_results.md": 510,
    "docs/speed.md": 1135,
    "docs/studies.md": 370,
}

# Pages of tables, and those whose length another test limits.
UNLIMITED = ["README.md", "data/reference/README.md", "docs/digits.md", "docs/results_tables.md"]


# What readers read: neither pages of tables nor those of contributors.
READERS = 11_000  # words
NOT_FOR_READERS = (
    "docs/contributing/",
    "docs/methods.md",
    "docs/digits.md",
    "docs/results_tables.md",
)


def words(text: str) -> list[str]:
    return [word for word in text.split() if re.search(r"\w", word)]


def prose(page: str) -> str:
    """A page without blocks of code, comments and addresses of links."""
    text = (ROOT / page).read_text()
    text = re.sub(r"```.*?```|<!--.*?-->", "", text, flags=re.DOTALL)
    return re.sub(r"\]\([^)]*\)", "]", text)


def sentences(text: str) -> list[str]:
    """Of paragraphs, items of lists, and cells of tables."""
    blocks = re.split(r"\n\s*\n|\n(?=- |\||#)|\|", text)
    end = r"(?<=[.!?])(?:\*\*)?\s"
    return [part for block in blocks for part in re.split(end, " ".join(block.split()))]


@pytest.mark.parametrize("page", BUDGETS)
def test_page_is_short(page: str) -> None:
    assert len(words(prose(page))) <= BUDGETS[page]


def test_all_pages_are_short() -> None:
    docs = [str(page.relative_to(ROOT)) for page in (ROOT / "docs").rglob("*.md")]
    read = [page for page in ["README.md", *docs] if not page.startswith(NOT_FOR_READERS)]
    assert sum(len(words(prose(page))) for page in read) <= READERS


@pytest.mark.parametrize("page", [*BUDGETS, *UNLIMITED])
def test_sentences_are_short(page: str) -> None:
    for sentence in sentences(prose(page)):
        assert len(words(sentence)) <= LONGEST, sentence


def test_every_page_has_a_budget() -> None:
    pages = {str(page.relative_to(ROOT)) for page in Path(ROOT / "docs").rglob("*.md")}
    assert pages == {page for page in [*BUDGETS, *UNLIMITED] if page.startswith("docs/")}


@pytest.mark.parametrize("page", [*BUDGETS, *UNLIMITED])
def test_spelling_is_american(page: str) -> None:
    assert not BRITISH.findall((ROOT / page).read_text())


def test_british_spellings_are_found() -> None:
    text = "Optimisers normalise grey colours; the unlabelled are randomised by a stabilisation."
    assert len(BRITISH.findall(text)) == 7
    assert not BRITISH.findall("Optimizers normalize gray colors. Otherwise a promise of noise.")

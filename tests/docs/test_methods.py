"""The page of method cards is that of the files."""

from taet.study.params import cards, plugins
from taet.study.params.descriptions import descriptions
from tests.conftest import ROOT


def test_page_is_current() -> None:
    page = (ROOT / "docs" / "methods.md").read_text()
    assert page == cards.markdown(), "run: python -m taet methods --markdown > docs/methods.md"


def test_every_card_says_what_it_must() -> None:
    """Source, cost, and every option."""
    for name in plugins.names("methods"):
        card = plugins.card("methods", name)
        assert "Cost per step" in card, name
        assert name == "clean" or any(year in card for year in map(str, range(2017, 2027))), name
        options = plugins.options_class("methods", name)
        assert set(descriptions(options)) == set(options.model_fields), name

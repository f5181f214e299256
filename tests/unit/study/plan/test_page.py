"""The report is written again when anything that it prints has changed, and only then."""

from pathlib import Path

import pytest

from taet.study.params import plugins
from taet.study.params.load import load_params
from taet.study.plan.page import page_key
from taet.study.plan.study import Study


def key_of(file: Path) -> str:
    return page_key(Study(load_params(file)), file)


def results_of(file: Path) -> list[str]:
    study = Study(load_params(file))
    return [study.job(stage).key for stage in ("tables", "figures")]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("mirror: null", "mirror: /elsewhere"),
        ('"TAET (alpha, beta 1)"', '"TAET (another)"'),
        ("grid:\n", "# A line that moves all below it.\ngrid:\n"),
    ],
)
def test_every_parameter_is_printed_with_its_line(tiny_params: Path, old: str, new: str) -> None:
    """Also those that no table shows: of methods outside the grid, and where data comes from."""
    before, results = key_of(tiny_params), results_of(tiny_params)
    text = tiny_params.read_text()
    assert old in text
    tiny_params.write_text(text.replace(old, new, 1))
    assert results_of(tiny_params) == results
    assert key_of(tiny_params) != before


def test_a_figures_title_is_printed(tiny_params: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = key_of(tiny_params)
    title = plugins.title
    monkeypatch.setattr(plugins, "title", lambda *of: title(*of).replace("class", "category"))
    assert key_of(tiny_params) != before


def test_what_the_page_does_not_print_changes_nothing(tiny_params: Path) -> None:
    before = key_of(tiny_params)
    tiny_params.write_text(tiny_params.read_text() + "  # The end.\n")
    assert key_of(tiny_params) == before

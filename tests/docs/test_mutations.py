"""The changes in the tables can be made, and the tests catch the share that they should."""

import ast

from tests.conftest import ROOT
from tests.mutations.__main__ import GOAL
from tests.mutations.changes import read_tables
from tests.mutations.results import Results


def test_every_change_can_be_made() -> None:
    sources = {change.file: (ROOT / change.file).read_text() for change in read_tables()}
    plain = {file: ast.dump(ast.parse(source)) for file, source in sources.items()}
    for change in read_tables():  # refuses a text that is not there once
        changed = ast.dump(ast.parse(change.of(sources[change.file])))
        assert changed != plain[change.file], change


def test_share_that_is_caught() -> None:
    counted = [change for change in read_tables() if not change.equivalent]
    caught = sum(map(Results.read().caught, counted))
    assert caught >= GOAL * len(counted)
    assert len(Results.read().rows) == len(counted), "pages and badges count rows of results.csv"

"""The tables of changes can be made, and docs/contributing/how_numbers_are_checked.md says what share of them is caught."""

import ast
import re

from tests.conftest import ROOT
from tests.mutations.__main__ import GOAL
from tests.mutations.changes import read_tables
from tests.mutations.results import Results

PAGE = ROOT / "docs/contributing/how_numbers_are_checked.md"


def test_every_change_can_be_made() -> None:
    sources = {change.file: (ROOT / change.file).read_text() for change in read_tables()}
    plain = {file: ast.dump(ast.parse(source)) for file, source in sources.items()}
    for change in read_tables():  # refuses a text that is not there once
        changed = ast.dump(ast.parse(change.of(sources[change.file])))
        assert changed != plain[change.file], change


def test_share_that_is_caught() -> None:
    counted = [change for change in read_tables() if not change.equivalent]
    caught = sum(map(Results.read().caught, counted))
    share = 100 * caught / len(counted)
    assert share >= 100 * GOAL
    (said,) = re.findall(r"Of (\d+) changes, ([\d.]+) % are caught", PAGE.read_text())
    assert said == (str(len(counted)), f"{share:.1f}")

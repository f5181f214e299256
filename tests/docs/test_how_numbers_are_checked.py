"""The page docs/how_numbers_are_checked.md, done as it says, on shorter studies.

Its first command runs tests of this very suite.
"""

import shutil
import sys

import pytest
import yaml

from tests.conftest import ROOT, Tree
from tests.docs.pages import commands
from tests.regression.expected import CUT, KEPT

PAGE = "how_numbers_are_checked.md"
TEN_SEEDS = "    grid: {seeds: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]}\n"
SHORTER = """    grid: {seeds: [0, 1]}
    training: {epochs: 3, attack: {steps: 2}}
    stabilizations: {clean40: {epochs: 1}}
    attacks: {pgd20: {steps: 2}, pgd100: {steps: 3}, cw20: {steps: 2}}
"""

pytestmark = pytest.mark.docs


def test_renew_the_headline_numbers(tree: Tree) -> None:
    shutil.copytree(
        ROOT / "tests", tree.path / "tests", ignore=shutil.ignore_patterns("__pycache__")
    )
    for study in KEPT:
        for part in ("score", "records"):
            kept = f"results/reference/{study}/{part}"
            shutil.copytree(ROOT / kept, tree.path / kept)
    tree.edit(
        "params.yaml",
        "methods: [pgd_at, at_bsl, taet_bcl, taet], seeds",
        "methods: [pgd_at, taet], seeds",
    )
    tree.edit("params.yaml", TEN_SEEDS, SHORTER)
    study, (expected,) = commands(PAGE, 1)
    tree.ok(*study)
    headline = tree.path / "tests/regression/headline.yaml"
    before = yaml.safe_load(headline.read_text())
    tree.ok(sys.executable, "-m", expected)
    after = yaml.safe_load(headline.read_text())
    assert {study: after[study] for study in KEPT} == {study: before[study] for study in KEPT}
    new, old = after[CUT]["numbers"], before[CUT]["numbers"]
    assert new.keys() == {cell for cell in old if not cell.endswith(("at_bsl", "taet_bcl"))}
    assert all(new[cell] != old[cell] for cell in new)
    assert all(number["sd_values"] == 2 for cell in new.values() for number in cell.values())


def test_keep_a_study(finished_copy: Tree) -> None:
    tree = finished_copy
    (tree.path / "docs").mkdir(exist_ok=True)
    for page in ("README.md", "docs/results.md"):
        (tree.path / page).write_text("<!-- results of tiny -->\n<!-- end -->\n")
    for command in commands(PAGE, 2):
        tree.ok(*["tiny" if word == "digits" else word for word in command])
    assert (tree.path / "results/reference/tiny/score/metrics.csv").exists()
    for page in ("README.md", "docs/results.md"):
        assert "| TAET |" in (tree.path / page).read_text()

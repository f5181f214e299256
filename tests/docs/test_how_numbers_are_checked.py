"""The page docs/contributing/how_numbers_are_checked.md, done as it says, on a shorter study.

Its first commands run tests of this very suite.
"""

import shutil
import sys

import pytest
import yaml

from tests.conftest import ROOT, Tree
from tests.docs.pages import commands

PAGE = "contributing/how_numbers_are_checked.md"


@pytest.mark.docs
def test_keep_a_study(finished_copy: Tree) -> None:
    tree = finished_copy
    (tree.path / "docs").mkdir(exist_ok=True)
    pages = ("README.md", "docs/digits.md")
    for page in pages:
        (tree.path / f"{page}.in").write_text('{{ results_of("tiny") }}\n')
    for folder in ("benchmarks", "results/reference/benchmarks"):  # times that pages can name
        shutil.copytree(ROOT / folder, tree.path / folder)
    *keep, expected = commands(PAGE, 2)
    for command in keep:
        tree.ok(*["tiny" if word == "digits" else word for word in command])
    assert (tree.path / "results/reference/tiny/score/metrics.csv.xz").exists()
    for page in pages:
        assert "| TAET |" in (tree.path / page).read_text()

    shutil.copytree(ROOT / "tests/regression", tree.path / "tests/regression")
    tree.ok(sys.executable, "-m", *expected)
    written = yaml.safe_load((tree.path / "tests/regression/headline.yaml").read_text())
    assert [*written] == ["machines.csv", "tiny"]
    assert written["tiny"].keys() >= {"manifest", "BA", "BR_worst"}

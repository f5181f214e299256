"""The page docs/contributing/how_numbers_are_checked.md, done as it says, on a shorter study.

Its first commands run tests of this very suite.
"""

import shutil
import sys

import pytest
import yaml

from tests.conftest import ROOT, Tree
from tests.docs.pages import commands
from tests.regression.comparison import bands

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


def test_bands_are_those_of_the_page() -> None:
    page = (ROOT / "docs" / PAGE).read_text()
    for said, kind, over in (
        ("accuracy, mean over methods: all classes / tail", "accuracy", "all methods"),
        ("accuracy of one method", "accuracy", "one method"),
        (
            "difference of two attacks on the same networks, mean over methods",
            "difference",
            "all methods",
        ),
        ("the same of one method", "difference", "one method"),
    ):
        shown = [
            f"± {bands()[kind, over, test_set, 'all']:.1f} / {bands()[kind, over, test_set, 'tail']:.1f}"
            for test_set in ("balanced", "long_tailed")
        ]
        assert f"| {said} | {shown[0]} | {shown[1]} |" in page
    agreement = bands()["agreement"].droplevel(["over", "scope"])
    assert f"± {agreement['balanced']:.0f} % | ± {agreement['long_tailed']:.0f} % |" in page
    starts = (1, 2, 4, 8, 16)
    losses = [bands()["log loss", "one method", "", f"epochs {n}-{2 * n - 1}"] for n in starts]
    assert f"± {', '.join(f'{100 * loss:.1f}' for loss in losses)} % |" in page

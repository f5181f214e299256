"""The page docs/read_a_results_file.md, done as it says."""

import re
import sys

import pytest

from taet.scores.summary import read_rows
from tests.conftest import ROOT, Tree
from tests.docs.pages import block, commands

PAGE = "read_a_results_file.md"

pytestmark = pytest.mark.docs


def run(tree: Tree, number: int, before: str = "") -> str:
    """What a block of the page prints in the study ``tiny``."""
    code = block(PAGE, "python", number).replace("results/digits/", "results/tiny/")
    return tree.ok(sys.executable, "-c", before + code)


def test_without_the_package(finished: Tree) -> None:
    said = run(finished, 0, "import sys; sys.modules['torch'] = sys.modules['taet'] = None\n")
    metrics = read_rows(finished.path / "results/tiny/score/metrics.csv")
    (share,) = metrics.query(
        "method == 'taet' and test_set == 'balanced' and attack == 'pgd20' and scope == 'all'"
    )["accuracy"]
    found = re.search(r"robust under PGD-20: (\S+) of (\d+) images", said)
    assert found is not None, said
    assert float(found[1]) == pytest.approx(share, abs=1e-6)
    assert found[2] == "500"
    assert "eps: 0.1 warnings: ['called PGD-20" in said
    assert re.search(r"values in the network: \d{4}", said)
    assert "epochs: 4 seconds:" in said


def test_with_the_package(finished: Tree) -> None:
    said = run(finished, 1)
    assert "current: True" in said
    assert re.search(r"loss of the last epoch: \d", said)
    assert "logits: (2, 10)" in said


def test_all_files(finished: Tree) -> None:
    for command in commands(PAGE):
        assert "match params.yaml and the code" in finished.ok(*command)


@pytest.mark.parametrize(
    "file", ["stages/score.py", "stages/attack.py", "stages/equalize.py", "study/store/records.py"]
)
def test_it_says_where_files_are_described(file: str) -> None:
    assert f"`src/taet/{file}`" in (ROOT / "docs" / PAGE).read_text()
    assert (ROOT / "src/taet" / file).exists()

"""The page docs/add_an_attack.md, done as it says."""

import shutil
import subprocess
import sys

import pytest

from taet.scores.summary import read_rows
from tests.conftest import ROOT, Tree
from tests.docs.pages import block, commands

PAGE = "add_an_attack.md"

pytestmark = pytest.mark.docs


def test_page(finished_copy: Tree) -> None:
    tree = finished_copy
    made = [*tree.path.glob("results/tiny/[es]*/**/*.safetensors")]
    made += tree.path.glob("results/tiny/attack/**/gradient.safetensors")
    before = {file: file.stat().st_mtime_ns for file in made}
    assert len(before) >= 6
    (tree.path / "src/taet/attacks/pgd_dlr.py").write_text(block(PAGE, "python"))
    tree.edit("params.yaml", "  fgsm: {label: FGSM", block(PAGE, "yaml") + "  fgsm: {label: FGSM")
    tree.edit("params.yaml", "attacks: [fgsm, pgd20, pgd100, cw20]\n", "attacks: [fgsm, pgd20, pgd100, cw20, dlr20]\n")  # fmt: skip
    for command in commands(PAGE):
        tree.ok(*command)
    assert before == {file: file.stat().st_mtime_ns for file in before}, "nothing else is made"
    assert "PGD-20 on DLR" in (tree.path / "results/tiny/tables/main.md").read_text()
    metrics = read_rows(tree.path / "results/tiny/score/metrics.csv")
    rows = metrics[(metrics["scope"] == "all") & (metrics["test_set"] == "balanced")]
    shares = rows.pivot(index="method", columns="attack", values="accuracy")
    assert (shares["worst"] <= shares["dlr20"]).all()
    assert (shares["dlr20"] < shares["clean"]).any()

    shutil.copytree(ROOT / "tests/contract", tree.path / "tests/contract")
    shutil.copy(ROOT / "tests/conftest.py", tree.path / "tests")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    tested = subprocess.run(
        [*command, "tests/contract/test_attacks.py", "-k", "pgd_dlr"], cwd=tree.path,
        env=tree.environment(), capture_output=True, text=True,
    )  # fmt: skip
    assert tested.returncode == 0, tested.stdout
    assert "passed" in tested.stdout


def test_page_is_short() -> None:
    assert len((ROOT / "docs" / PAGE).read_text().splitlines()) < 50

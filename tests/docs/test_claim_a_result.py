"""The page docs/claim_a_result.md, done as it says."""

import json
import re

import pytest

from taet.claims.claim import Claim
from taet.study.params.load import load_common
from tests.conftest import ROOT, Tree
from tests.docs.pages import block, commands

PAGE = "claim_a_result.md"
TEXT = (ROOT / "docs" / PAGE).read_text()


@pytest.mark.docs
def test_a_claim(tree: Tree) -> None:
    (tree.path / "mymodel.py").write_text(block(PAGE, "python"))
    said = [tree.ok(*command) for command in commands(PAGE)]
    assert "wrote claims/mine.json: balanced robustness" in said[1]
    assert "bits, numbers and images agree" in said[2]
    assert "claims/leaderboard.html" in said[3]
    claim = json.loads((tree.path / "claims/mine.json").read_text())
    assert claim["name"] == "My model"
    assert "My model" in (tree.path / "claims/leaderboard.md").read_text()


def test_protocol_on_the_page() -> None:
    params = load_common(ROOT / "params.yaml")
    labels = [params.attacks[name].label for name in params.claim.attacks]
    assert f"{', '.join(labels[:-1])} and {labels[-1]}, all in" in TEXT
    assert f"Eps is 8/255, on the digits {params.claim.datasets['digits'].eps}." in TEXT
    assert params.claim.eps == 8 / 255
    assert f"**Intervals**: {100 * params.claim.confidence:.0f} %" in TEXT
    assert f"train with the split of seed {params.claim.seed}" in " ".join(TEXT.split())


def test_fields_on_the_page() -> None:
    rows = re.findall(r"^\| (`.*?) \|", TEXT, re.MULTILINE)
    named = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert sorted(named) == sorted(set(Claim.model_fields) - {"format", "digest"})

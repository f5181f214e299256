"""What the README shows works as it is shown, and the page is short."""

import re

import pytest

from tests.conftest import ROOT, Tree
from tests.docs.pages import block

PAGE = "../README.md"
TEXT = (ROOT / "README.md").read_text()


def test_length() -> None:
    assert len(TEXT.splitlines()) <= 120


def test_evaluation_from_python(
    finished: Tree, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the network of a study that has run; the README names that of the default one."""
    code = block(PAGE, "python")
    assert "results/digits/equalize" in code
    monkeypatch.chdir(finished.path)
    exec(code.replace("results/digits/", "results/tiny/"), {})
    table = capsys.readouterr().out
    assert len(table.splitlines()) == 1 + len(["clean", "pgd20", "apgd_ce_t", "worst"])


def test_studies_are_those_of_the_parameters(finished: Tree) -> None:
    named = set(re.findall(r"^\| `([a-z0-9_]+)` \|", TEXT, re.MULTILINE))
    everything = set(
        re.findall(
            r"^\| ((?:`[a-z0-9_]+`(?:, )?)+) \|",
            (ROOT / "docs/studies.md").read_text(),
            re.MULTILINE,
        )
    )
    listed = {name for row in everything for name in re.findall(r"`(\w+)`", row)}
    known = set(
        re.findall(
            r"^  ([a-z0-9_]+):$",
            (ROOT / "params.yaml").read_text().split("\nstudies:")[1],
            re.MULTILINE,
        )
    )
    assert len(named) == 6
    assert named <= listed == known - {"digits_cut"}

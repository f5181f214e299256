"""What the README shows works as it is shown, and the page is short."""

import re

import pytest

from tests.conftest import ROOT, Tree
from tests.docs.pages import block

PAGE = "../README.md"
TEXT = (ROOT / "README.md").read_text()


def test_length() -> None:
    assert len(TEXT.splitlines()) <= 120


def test_badges_are_current(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.syspath_prepend(str(ROOT / "workflow" / "scripts"))
    import badges

    drawn = badges.badges()
    assert {f"{badges.FOLDER / name}" for name in drawn} == set(
        re.findall(r"docs/badges/\w+.svg", TEXT)
    )
    for name, drawing in drawn.items():
        assert (badges.FOLDER / name).read_text(encoding="utf-8") == drawing, (
            "run: python workflow/scripts/badges.py"
        )


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


def test_studies_are_those_of_the_parameters() -> None:
    row = re.compile(r"^\| ((?:`[a-z0-9_]+`(?:, )?)+) \|", re.MULTILINE)

    def studies(text: str) -> set[str]:
        return {name for names in row.findall(text) for name in re.findall(r"`(\w+)`", names)}

    named, listed = studies(TEXT), studies((ROOT / "docs/studies.md").read_text())
    known = set(
        re.findall(
            r"^  ([a-z0-9_]+):$",
            (ROOT / "params.yaml").read_text().split("\nstudies:")[1],
            re.MULTILINE,
        )
    )
    assert len(named) == 8
    assert named <= listed == known - {"digits_cut"}

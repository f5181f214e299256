"""What the README shows works as it is shown, and the page is short."""

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

import taet
from tests.conftest import ROOT
from tests.docs.pages import block
from tests.unit.api import peers

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
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """On weights and images of a user, and the saved network of a study."""
    code = block(PAGE, "python")
    assert sum(map(bool, code.splitlines())) == 6
    assert code.count("weights.pt") == 1
    code = code.replace("weights.pt", str(tmp_path / "weights.pt"))
    network = peers.ResNet(64, 10, "shortcut", "linear")
    torch.save(network.state_dict(), tmp_path / "weights.pt")
    x = torch.rand(4, 3, 32, 32)
    y = (network.eval()(x).argmax(1) + 1) % 10  # all misclassified: AutoAttack is quick
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TAET_RESULTS", str(ROOT / "results"))
    monkeypatch.setenv("TAET_CACHE", str(tmp_path / "cache"))
    tables, evaluate = [], taet.evaluate

    def kept(*given: Any, **named: Any) -> pd.DataFrame:
        tables.append(evaluate(*given, **named))
        return tables[-1]

    monkeypatch.setattr(taet, "evaluate", kept)
    names = {"x": x, "y": y}
    exec(code, names)
    printed = capsys.readouterr().out
    assert len(printed.splitlines()) == 1 + len(["clean", "pgd20", "autoattack", "worst"])
    own, of_study = tables
    assert set(own["attack"]) == {"clean", "pgd20", "autoattack", "worst of these"}
    assert own["eps"].max() == 8 / 255
    assert names["attacked"].images.shape == x.shape
    assert set(of_study["attack"]) == {"clean", "pgd20"}
    assert of_study["accuracy"].iloc[0] > 0.8


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

"""Every command line that cannot be is refused, soon, in one line that says what to type instead."""

import shutil
from pathlib import Path

import pytest

from taet.cli.main import main
from tests.conftest import ROOT
from tests.faults.command_lines import LINES, refusals


@pytest.mark.faults
def test_command_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    assert main(["download", "--dataset", "digits"]) == 0
    before = {f for f in tmp_path.rglob("*") if f.suffix != ".lock"}
    tried = list(refusals(tmp_path))
    assert len(tried) == len(LINES) >= 70
    bad = [refusal for refusal in tried if not refusal.good]
    assert not bad, "\n".join(f"{r.title}: {r.status}, {r.unsaid}, {r.message!r}" for r in bad)
    after = {f for f in tmp_path.rglob("*") if f.is_file() and f.suffix != ".lock"}
    made = {f.relative_to(tmp_path) for f in after - before if "__pycache__" not in f.parts}
    assert made == {Path("mine.py")}, "nothing is left behind"

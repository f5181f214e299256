"""``taet run`` starts Snakemake."""

import pytest

from taet.cli import run
from taet.cli.main import main
from taet.study.params.selection import Selection, of_config
from tests.conftest import ROOT


def test_run_starts_snakemake_with_the_same_study(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    started: list[list[str]] = []
    monkeypatch.setattr(run.os, "execv", lambda program, words: started.append(words[1:]))
    words = [
        "run",
        "digits_cut",
        "--smoke",
        "--set",
        "threat.eps=0.2",
        "--set",
        "grid.seeds=[1]",
        "-n",
    ]
    assert main(words) == 0
    *command, study, smoke, settings = started[0]
    assert command == ["-m", "snakemake", "--cores", "all", "-n", "all", "--config"]
    config = dict(word.split("=", 1) for word in (study, smoke, settings))
    assert of_config(config) == Selection(
        "digits_cut", ("threat.eps=0.2", "grid.seeds=[1]"), smoke=True
    )
    assert main(["run"]) == 0
    assert started[1] == ["-m", "snakemake", "--cores", "all", "all"]

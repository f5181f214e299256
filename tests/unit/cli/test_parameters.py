"""``taet params`` prints what a study uses."""

import re

import pytest

from taet.cli.main import main
from tests.conftest import ROOT


def test_parameters_of_a_study_are_those_that_it_uses(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    assert main(["params", "digits_cut"]) == 0
    used = capsys.readouterr().out.splitlines()
    assert main(["params", "--study", "digits_cut", "--all"]) == 0
    everything = capsys.readouterr().out.splitlines()
    names = [line.split()[0] for line in used]
    assert names == [n for n in (line.split()[0] for line in everything) if n in set(names)]
    assert {n.split(".")[1] for n in names if n.startswith("stabilizations.")} == {"clean40"}
    methods = {n.split(".")[1] for n in names if n.startswith("methods.")}
    grid = next(line for line in used if line.startswith("grid.methods "))
    assert methods == {"clean", *re.findall(r'"(\w+)"', grid)}  # clean makes stage 1
    assert {"taet_bcl", "clean20", "resnet18", "lsa"} <= {
        line.split()[0].split(".")[1] for line in everything if "." in line.split()[0]
    }

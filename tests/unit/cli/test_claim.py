"""``taet claim`` and ``taet leaderboard``: what they write, print and refuse."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from torch import nn

from taet.cli import claim as command
from taet.cli.exit_codes import MISUSED, OK, PROBLEM
from taet.cli.main import main
from tests.conftest import ROOT
from tests.unit.claims import made
from tests.unit.claims.conftest import lists

__all__ = ["lists"]


@pytest.fixture
def there(lists: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without params.yaml, where the digits are in the cache; ``a.json`` is a claim."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TAET_CACHE", str(lists.cache))
    monkeypatch.setenv("TAET_RESULTS", str(ROOT / "results"))
    made.store(tmp_path / "a.json", made.contents(lists))
    return tmp_path


def test_check(there: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["claim", "--check", "a.json"]) == OK
    said = capsys.readouterr().out
    assert said.startswith("a.json: balanced robustness ")
    assert said.endswith("(n = 500 images); bits, numbers and images agree\n")


def test_a_flipped_bit(there: Path, capsys: pytest.CaptureFixture[str]) -> None:
    claim = json.loads((there / "a.json").read_text())
    claim["correct"]["clean"] = made.flipped(claim["correct"]["clean"], 7)
    (there / "a.json").write_text(json.dumps(claim))
    assert main(["claim", "--check", "a.json"]) == PROBLEM
    printed = capsys.readouterr()
    assert printed.out == ""
    (line,) = printed.err.splitlines()
    assert line.startswith("taet claim: a.json: ")


def test_a_claim_is_made(
    there: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], lists: Any
) -> None:
    """Of a saved network by its name; the attacks themselves are tested elsewhere."""
    asked: list[Any] = []

    def make_claim(*given: Any, **options: Any) -> dict[str, Any]:
        asked.append((given, options))
        return made.contents(lists, name=given[3], ratio=given[2])

    monkeypatch.setattr("taet.claims.make.make_claim", make_claim)
    assert main(["claim", "--model", "digits/taet", "--dataset", "digits", "--ir", "20"]) == OK
    ((model, dataset, ratio, name, _), options) = asked[0]
    assert isinstance(model, nn.Module)
    assert (dataset, ratio, name) == ("digits", 20.0, "taet")
    assert options == {"passes": 396.0, "device": None}
    said = capsys.readouterr().out
    assert said.startswith("wrote taet-digits-ir20.json: balanced robustness")
    assert main(["claim", "--check", "taet-digits-ir20.json"]) == OK


@pytest.mark.parametrize("missing", ["--model", "--dataset", "--ir"])
def test_what_a_claim_needs(missing: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = {"--model": "a:b", "--dataset": "digits", "--ir": "10"}
    del words[missing]
    with pytest.raises(SystemExit) as ended:
        main(["claim", *(word for pair in words.items() for word in pair)])
    assert ended.value.code == MISUSED
    assert "is missing; a claim needs --model, --dataset and --ir" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--ir", "0.5"], "--imbalance-ratio 0.5: must be a number from 1"),
        (["--dataset", "digit"], "no data set 'digit'; did you mean 'digits'"),
        (["--passes", "many"], "--passes many: must be a number"),
        (["--passes", "-1"], "--passes -1: must be above 0"),
        (["--model", "x/seed1.safetensors"], "--model: trained with the split of seed 1"),
        (["--model", "digits/tae"], "digits/tae"),
        (["--name", "\u732b"], "must be of Latin letters"),
        (["--name", "x" * 61], "should have at most 60 characters"),
    ],
)
def test_mistakes(
    words: list[str],
    said: str,
    there: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before anything is attacked."""
    monkeypatch.setattr("taet.claims.make.evaluation_of", None)
    usual = ["--model", "digits/taet", "--dataset", "digits", "--ir", "10"]
    assert main(["claim", *usual, *words]) == PROBLEM
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


@pytest.mark.parametrize(
    ("name", "ratio", "file"),
    [
        ("TAET", 10.0, "taet-digits-ir10.json"),
        ("My net (v2) / best", "natural", "my-net-v2-best-digits-irnatural.json"),
        ("../..", 33.3, "claim-digits-ir33.3.json"),
    ],
)
def test_name_of_the_file(name: str, ratio: float | str, file: str) -> None:
    assert command._file_name(name, "digits", ratio) == file


def test_leaderboard(there: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["leaderboard", "."]) == OK
    assert capsys.readouterr().out == "wrote leaderboard.md, leaderboard.csv, leaderboard.html\n"
    (there / "b.json").write_text("{")
    assert main(["leaderboard", ".", "--out", "page"]) == PROBLEM
    printed = capsys.readouterr()
    assert printed.out.startswith("wrote page/leaderboard.md")
    (line,) = printed.err.splitlines()
    assert line.startswith("taet leaderboard: b.json: damaged or cut off")
    assert "made" in (there / "page/leaderboard.md").read_text()


def test_parameters_of_a_study_by_name(there: Path) -> None:
    """The cost is known where the training is; a file of weights says nothing of it."""
    for model, passes in {"digits/taet": 396.0, "digits/pgd_at": 616.0, "weights.pt": None}.items():
        options = SimpleNamespace(model=model, passes=None, params=None)
        assert command._passes(options) == passes  # type: ignore[arg-type]

"""``python -m taet --help`` is a map: every command, the stages in their order, and what to type next."""

import re
from pathlib import Path

import pytest

from taet import cli
from taet.study.plan.stages import STAGES
from tests.conftest import ROOT


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        cli.main([*arguments, "--help"])
    assert ended.value.code == 0
    return capsys.readouterr().out


def test_map(capsys: pytest.CaptureFixture[str]) -> None:
    page = printed(capsys)
    stages, looks, following = re.findall(r"^\S.*:\n((?:  .*\n)+)", page, re.MULTILINE)[:3]
    assert re.findall(r"^  (\w+) ", stages, re.MULTILINE) == list(STAGES)
    assert re.findall(r"^  (\w+) ", looks, re.MULTILINE) == [
        "evaluate",
        "verify",
        "plan",
        "report",
        "redraw",
        "params",
        "methods",
    ]
    assert max(map(len, page.splitlines())) <= cli.MAP_WIDTH
    typed = re.findall(r"^  (\S.*)$", following, re.MULTILINE)
    assert typed == list(cli.NEXT)
    for command in typed:
        _, _, word = command.partition("python -m taet ")
        assert command.startswith("snakemake ") or word.split()[0] in {
            "params",
            "evaluate",
            "COMMAND",
        }


@pytest.mark.parametrize(
    "command", [*STAGES, "evaluate", "verify", "plan", "report", "redraw", "params", "methods"]
)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    page = printed(capsys, command)
    assert f"usage: python -m taet {command} " in page
    assert "--study NAME" in page


@pytest.mark.parametrize("study", ["digits", "digits_ablation"])
def test_what_is_to_be_typed_next_names_the_study(
    study: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ["tables", "--params", str(ROOT / "params.yaml"), "--study", study]
    assert cli.main(arguments) == 1
    file = f"results/{study}/score/manifest.json"
    assert capsys.readouterr().err.endswith(f"snakemake {file} --config study={study}\n")

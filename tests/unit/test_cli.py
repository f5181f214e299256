"""``python -m taet --help`` is a map: every command, the stages in their order, and what to type next."""

import re
from pathlib import Path

import pytest

from taet import cli
from taet.study.params.selection import Selection, of_config
from taet.study.plan.stages import STAGES
from taet.study.plan.study import load_study
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
        "run",
        "evaluate",
        "verify",
        "plan",
        "report",
        "redraw",
        "params",
        "methods",
        "new",
    ]
    assert max(map(len, page.splitlines())) <= cli.MAP_WIDTH
    typed = re.findall(r"^  (\S.*)$", following, re.MULTILINE)
    assert typed == list(cli.NEXT)
    for command in typed:
        _, _, word = command.partition("python -m taet ")
        assert command.startswith("snakemake ") or word.split()[0] in {
            "run",
            "params",
            "evaluate",
            "COMMAND",
        }


@pytest.mark.parametrize(
    "command",
    [*STAGES, "run", "evaluate", "verify", "plan", "report", "redraw", "params", "methods", "new"],
)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    page = printed(capsys, command)
    assert f"usage: python -m taet {command} " in page
    assert ("--study NAME" in page) == (command != "new")
    settable = {*STAGES, "run", "evaluate", "verify", "report", "params"}
    assert ("--set KEY=VALUE" in page) == (command in settable)
    assert ("--smoke" in page) == (command in settable - {"evaluate"})


@pytest.mark.parametrize("command", [*STAGES, "evaluate"])
def test_axes_have_the_same_options_in_every_command(command: str) -> None:
    """The full name and, where there is one, a short form; both give one value."""
    axes = STAGES[command].axes if command in STAGES else ("dataset", "architecture", "seed")
    full = [f"--{axis.replace('_', '-')}" for axis in axes]
    short = [{"--imbalance-ratio": "--ir", "--architecture": "--arch"}.get(o, o) for o in full]
    for options in (full, short):
        line = [word for option in options for word in (option, "7")]
        parsed = cli._parsed([command, *line, *["--model", "m"] * (command == "evaluate")])
        assert {getattr(parsed, axis) for axis in axes} <= {"7"}


def test_commands_of_jobs_have_the_full_names() -> None:
    command = load_study(ROOT / "params.yaml", "digits_cut").jobs("attack")[0].command
    assert "--imbalance-ratio 10 --architecture small_cnn --method" in command


def test_the_command_alone_prints_its_map(capsys: pytest.CaptureFixture[str]) -> None:
    page = printed(capsys)
    with pytest.raises(SystemExit) as ended:
        cli.main([])
    assert (ended.value.code, capsys.readouterr().out) == (0, page)
    for code in cli.EXIT_CODES:
        assert re.search(rf"\b{code} \w", page.partition("Exit codes: ")[2])


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert ended.value.code == 0
    assert re.match(r"taet (\d[\w.]*|\(not installed\)), code \w+", capsys.readouterr().out)


def test_parameters_of_a_study_are_those_that_it_uses(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    assert cli.main(["params", "digits_cut"]) == 0
    used = capsys.readouterr().out.splitlines()
    assert cli.main(["params", "--study", "digits_cut", "--all"]) == 0
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


def test_run_starts_snakemake_with_the_same_study(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    started: list[list[str]] = []
    monkeypatch.setattr(cli.os, "execv", lambda program, words: started.append(words[1:]))
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
    assert cli.main(words) == 0
    *command, study, smoke, settings = started[0]
    assert command == ["-m", "snakemake", "--cores", "all", "-n", "all", "--config"]
    config = dict(word.split("=", 1) for word in (study, smoke, settings))
    assert of_config(config) == Selection(
        "digits_cut", ("threat.eps=0.2", "grid.seeds=[1]"), smoke=True
    )
    assert cli.main(["run"]) == 0
    assert started[1] == ["-m", "snakemake", "--cores", "all", "all"]


@pytest.mark.parametrize("study", ["digits", "digits_ablation"])
def test_what_is_to_be_typed_next_names_the_study(
    study: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ["tables", "--params", str(ROOT / "params.yaml"), "--study", study]
    assert cli.main(arguments) == 1
    file = f"results/{study}/score/manifest.json"
    assert capsys.readouterr().err.endswith(f"snakemake {file} --config study={study}\n")

"""Mistakes in Snakemake's command line are answered in one line that says what to type."""

import re
import shutil
from pathlib import Path

import pytest

from snakemake_logger_plugin_taet.command_line import mistake, refuse_mistake, unknown_target
from tests.conftest import ROOT

RULES = ["download", "attack", "all"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--config study mine", "--config study: must be NAME=VALUE, such as --config study=NAME"),
        ("-n --config study=mine all", "--config all: must be NAME=VALUE.*targets such as 'all' come before"),
        ("-C mine", "--config mine: must be NAME=VALUE, such as --config study=mine"),
        ("all -n --config study=mine set=threat.eps=0.1 --cores 2", None),
        ("--cores 4 all", None),
    ],
)  # fmt: skip
def test_config(line: str, message: str | None) -> None:
    problem = mistake(line.split(), ROOT)
    if message is None:
        assert problem is None
    else:
        assert problem is not None
        assert re.search(message, problem)


def test_a_folder_inside_the_project(tmp_path: Path) -> None:
    for folder in (ROOT / "src", ROOT / "docs/images"):
        assert mistake(["-n"], folder) == (
            f"no Snakefile here; run it in the project's folder: cd {ROOT}"
        )
        for words in (["-s", "other"], ["--snakefile=other"], ["-d", ".."], ["--version"]):
            assert mistake(words, folder) is None
    assert mistake(["-n"], tmp_path) is None, "another project"
    shutil.copy(ROOT / "Snakefile", tmp_path)
    assert mistake(["--config", "study", "mine"], tmp_path) is None


def test_only_snakemake_is_ended() -> None:
    refuse_mistake(["/bin/pytest", "-n"], ROOT / "src")
    refuse_mistake([], ROOT / "src")
    for program in ("/bin/snakemake", "/lib/snakemake/__main__.py"):
        with pytest.raises(SystemExit, match=r"^snakemake: no Snakefile here"):
            refuse_mistake([program, "-n"], ROOT / "src")


@pytest.mark.parametrize(
    ("line", "target"),
    [
        ("attak", "attak"),
        ("-n --cores 2 download attak", "attak"),
        ("-n --quiet rules -- attack", None),
        ("--config study=digits --cores all", None),
        ("results/attak", None),
        ("README.md", None),
    ],
)
def test_targets(line: str, target: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert unknown_target(["/bin/snakemake", *line.split()], RULES) == target
    assert unknown_target(["/bin/other", *line.split()], RULES) is None

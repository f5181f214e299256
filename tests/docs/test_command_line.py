"""The page docs/command_line.md: its commands, its sweep, its folders and its exit codes."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from taet.cli.commands import selection_of
from taet.cli.exit_codes import EXIT_CODES
from taet.cli.parse import parse_arguments
from taet.study.params.load import load_params
from taet.study.params.new_method import write_method
from taet.study.params.selection import Selection
from tests.conftest import ROOT, Tree
from tests.docs.pages import block

PAGE = "command_line.md"
TEXT = (ROOT / "docs" / PAGE).read_text()


def test_commands_are_known() -> None:
    lines = [line for kind in ("sh", "text") for line in block(PAGE, kind).splitlines()]
    for line in lines:
        words = shlex.split(line.removeprefix("python -m "))
        if words[0] == "taet":
            parse_arguments(words[1:])
    taet, snakemake = (shlex.split(line) for line in block(PAGE, "text").splitlines())
    assert selection_of(parse_arguments(taet[1:])).config == snakemake[-2:]


def test_folder_is_that_of_the_setting() -> None:
    named = re.search(r"results/(digits_set_[0-9a-f]{6})`", TEXT)
    selection = Selection("digits", ("methods.taet.alpha=0.2",))
    assert named
    assert named[1] == load_params(ROOT / "params.yaml", selection).study


def test_sweep_on_the_page(tmp_path: Path) -> None:
    file = tmp_path / "params.yaml"
    file.write_text((ROOT / "params.yaml").read_text() + block(PAGE, "yaml"))
    params = load_params(file, "digits_alpha")
    assert len(params.grid.methods) == 1 + 4
    assert params.methods["taet_alpha_0_05_gamma_0"].label == "TAET (alpha 0.05, gamma 0)"


def test_exit_codes() -> None:
    assert [int(code) for code in re.findall(r"^\| (\d+) \|", TEXT, re.MULTILINE)] == list(
        EXIT_CODES
    )


@pytest.mark.docs
def test_a_new_method_passes_its_contract_test(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree.path)
    told = write_method("trial_one")
    (added,) = re.findall(r"^  trial_one: .*$", told, re.MULTILINE)
    tree.edit("params.yaml", "  clean: {label: Clean}\n", f"  clean: {{label: Clean}}\n{added}\n")
    for name in ("tests/__init__.py", "tests/conftest.py", "tests/contract/__init__.py"):
        (tree.path / name).parent.mkdir(parents=True, exist_ok=True)
        (tree.path / name).write_text((ROOT / name).read_text())
    (command,) = re.findall(r"^  pytest (.*)$", told, re.MULTILINE)
    test = tree.path / command.split()[0]
    test.write_text((ROOT / command.split()[0]).read_text())
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *command.split()],
        cwd=tree.path, env=tree.environment(), capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert re.search(r"^1\d passed", done.stdout, re.MULTILINE), done.stdout

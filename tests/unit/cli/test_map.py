"""``python -m taet --help`` is a map: every command, the stages in their order, and what to type next."""

import re

import pytest

from taet.cli.exit_codes import EXIT_CODES
from taet.cli.main import main
from taet.cli.map import MAP_WIDTH, NEXT
from taet.study.plan.stages import STAGES
from tests.unit.cli.pages import COMMANDS, help_of


def test_map(capsys: pytest.CaptureFixture[str]) -> None:
    page = help_of(capsys)
    stages, looks, following = re.findall(r"^\S.*:\n((?:  .*\n)+)", page, re.MULTILINE)[:3]
    assert re.findall(r"^  (\w+) ", stages, re.MULTILINE) == list(STAGES)
    assert re.findall(r"^  (\w+) ", looks, re.MULTILINE) == COMMANDS
    assert max(map(len, page.splitlines())) <= MAP_WIDTH
    typed = re.findall(r"^  (\S.*)$", following, re.MULTILINE)
    assert typed == list(NEXT)
    for command in typed:
        _, _, word = command.partition("python -m taet ")
        assert command.startswith("snakemake ") or word.split()[0] in {
            "run",
            "params",
            "evaluate",
            "COMMAND",
        }


def test_the_command_alone_prints_its_map(capsys: pytest.CaptureFixture[str]) -> None:
    page = help_of(capsys)
    with pytest.raises(SystemExit) as ended:
        main([])
    assert (ended.value.code, capsys.readouterr().out) == (0, page)
    for code in EXIT_CODES:
        assert re.search(rf"\b{code} \w", page.partition("Exit codes: ")[2])

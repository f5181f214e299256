"""Which options the commands share."""

import pytest

from taet.study.plan.stages import STAGES
from tests.unit.cli.pages import COMMANDS, help_of


@pytest.mark.parametrize("command", [*STAGES, *COMMANDS])
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    page = help_of(capsys, command)
    assert f"usage: python -m taet {command} " in page
    assert ("--study NAME" in page) == (command not in {"claim", "leaderboard", "new"})
    settable = {*STAGES, "run", "evaluate", "verify", "report", "params"}
    assert ("--set KEY=VALUE" in page) == (command in settable)
    assert ("--smoke" in page) == (command in settable - {"evaluate"})

"""What the tests of the command line share."""

import pytest

from taet.cli.main import main

COMMANDS = [  # but stages, in the order of the map
    *("run", "evaluate", "claim", "leaderboard", "verify", "plan"),
    *("report", "redraw", "params", "methods", "new"),
]


def help_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What ``--help`` prints after these words."""
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--help"])
    assert ended.value.code == 0
    return capsys.readouterr().out

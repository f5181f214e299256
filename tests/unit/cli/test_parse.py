"""What is read before a command runs."""

import re

import pytest

import taet
from taet.cli.main import main


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """That of the package whose code runs, whatever is installed."""
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    printed = capsys.readouterr().out
    assert re.fullmatch(rf"taet {re.escape(taet.__version__)}, code \w+(-dirty)?\n", printed)

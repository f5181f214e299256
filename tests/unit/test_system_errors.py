"""Whose fault an OSError is: the folder's only where the system says so."""

import argparse

import pytest
from PIL import UnidentifiedImageError

from taet import cli

HINT = "check the folder's owner, rights and free space"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(13, "Permission denied", "data/raw"), f"data/raw: Permission denied; {HINT}"),
        (OSError(28, "No space left on device"), f"No space left on device; {HINT}"),
        (OSError(104, "Connection reset by peer"), "Connection reset by peer"),
        (
            UnidentifiedImageError("cannot identify image file 'x.png'"),
            "cannot identify image file 'x.png'",
        ),
        (OSError("image file is truncated\n(3 bytes)"), "image file is truncated (3 bytes)"),
        (TimeoutError(), "TimeoutError"),
    ],
)
def test_hint(
    error: OSError,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(options: argparse.Namespace) -> None:
        raise error

    monkeypatch.setattr(cli, "_run_stage", fail)
    assert cli.main(["download", "--dataset", "digits"]) == 1
    assert capsys.readouterr().err == f"taet download: {message}\n"

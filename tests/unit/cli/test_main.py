"""What a command prints that cannot do its work."""

import argparse
from pathlib import Path

import pytest
from PIL import UnidentifiedImageError

from taet.cli import stages
from taet.cli.main import main
from tests.conftest import ROOT

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
def test_whose_fault_an_error_of_the_system_is(
    error: OSError,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The folder's only where the system says so."""

    def fail(options: argparse.Namespace) -> None:
        raise error

    monkeypatch.setattr(stages, "run_stage", fail)
    assert main(["download", "--dataset", "digits"]) == 1
    assert capsys.readouterr().err == f"taet download: {message}\n"


@pytest.mark.parametrize("study", ["digits", "digits_ablation"])
def test_what_is_to_be_typed_next_names_the_study(
    study: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ["tables", "--params", str(ROOT / "params.yaml"), "--study", study]
    assert main(arguments) == 1
    file = f"results/{study}/score/manifest.json"
    assert capsys.readouterr().err.endswith(f"snakemake {file} --config study={study}\n")

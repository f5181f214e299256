"""The study of commands that draw or plan, with and without ``--study``."""

from pathlib import Path

import pytest

from taet.cli.parse import parse_arguments
from tests.conftest import ROOT


@pytest.mark.parametrize("command", ["redraw", "report", "plan", "run", "params"])
def test_the_study_needs_no_flag(command: str) -> None:
    assert parse_arguments([command, "digits"]).study == "digits"
    assert parse_arguments([command, "--study", "digits"]).study == "digits"


def test_what_is_left_over_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse_arguments(["redraw", "digits", "cifar10_gpu"])
    assert capsys.readouterr().err == (
        "python -m taet redraw: unexpected 'cifar10_gpu' (see: python -m taet redraw --help)\n"
    )


def test_the_package_has_no_parameters_of_its_own() -> None:
    """A link, so that a value is written once; a wheel gets a copy."""
    link = ROOT / "src/taet/params.yaml"
    assert link.is_symlink()
    assert link.readlink() == Path("../../params.yaml")

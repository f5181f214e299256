"""An axis has the same options in all commands."""

import pytest

from taet.cli.parse import parse_arguments
from taet.study.plan.stages import STAGES
from taet.study.plan.study import load_study
from tests.conftest import ROOT


@pytest.mark.parametrize("command", [*STAGES, "evaluate"])
def test_axes_have_the_same_options_in_every_command(command: str) -> None:
    """The full name and, where there is one, a short form; both give one value."""
    axes = STAGES[command].axes if command in STAGES else ("dataset", "architecture", "seed")
    full = [f"--{axis.replace('_', '-')}" for axis in axes]
    short = [{"--imbalance-ratio": "--ir", "--architecture": "--arch"}.get(o, o) for o in full]
    for options in (full, short):
        line = [word for option in options for word in (option, "7")]
        parsed = parse_arguments([command, *line, *["--model", "m"] * (command == "evaluate")])
        assert {getattr(parsed, axis) for axis in axes} <= {"7"}


def test_commands_of_jobs_have_the_full_names() -> None:
    command = load_study(ROOT / "params.yaml", "digits_cut").jobs("attack")[0].command
    assert "--imbalance-ratio 10 --architecture small_cnn --method" in command

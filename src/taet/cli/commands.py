"""What all commands share: errors in one line, and options for the study, its file and its changes."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from taet.cli.exit_codes import MISUSED
from taet.study.params.load import PARAMS_FILE
from taet.study.params.selection import SET, SMOKE, Selection
from taet.study.plan.study import Study, load_study


class Parser(argparse.ArgumentParser):
    """Errors are one line that says what to type next; ``flags`` are its options, such as ``--study``."""

    def __init__(self, **options: Any) -> None:
        self.flags: list[str] = []
        super().__init__(**options)

    def add_argument(self, *names: Any, **options: Any) -> argparse.Action:
        action = super().add_argument(*names, **options)
        self.flags += action.option_strings
        return action

    def error(self, message: str) -> NoReturn:
        self.exit(MISUSED, f"{self.prog}: {message} (see: {self.prog} --help)\n")


class Commands:
    """The commands of the command line, each with its options; ``texts`` describes each."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self.texts: dict[str, str] = {}
        self.parsers: dict[str, Parser] = {}
        # argparse lists no commands: ``map_of_commands`` does, in groups.
        self._commands = parser.add_subparsers(
            dest="command",
            required=True,
            metavar="COMMAND",
            parser_class=Parser,
            prog=parser.prog,
            help=argparse.SUPPRESS,
        )

    def add(
        self,
        name: str,
        text: str,
        run: Callable[[argparse.Namespace], None],
        *,
        study: bool = True,
        file: bool = True,
        changes: bool = False,
        named: bool = False,
    ) -> Any:
        """Add a command, with options for the study, the parameter file, and changes for this run.

        Args:
            named: the study may be given without ``--study``.
        """
        self.texts[name] = text
        sub = self._commands.add_parser(
            name, description=text[0].upper() + text[1:] + ".", allow_abbrev=False
        )
        self.parsers[name] = sub
        sub.set_defaults(run=run, study=None, params=PARAMS_FILE)
        if study:
            sub.add_argument(
                "--study",
                metavar="NAME",
                help="study, a name under 'studies' in the parameter file (default: the file's own 'study')",
            )
        if named:
            sub.add_argument("named", nargs="?", metavar="STUDY", help="the same as --study STUDY")
        if file:
            sub.add_argument(
                "--params",
                type=Path,
                default=PARAMS_FILE,
                metavar="FILE",
                help="parameter file (default: params.yaml)",
            )
        if changes:
            add_set(sub)
            _add_smoke(sub)
        return sub


def add_set(sub: argparse.ArgumentParser) -> None:
    """Let parameters be changed for this run."""
    sub.add_argument(
        SET,
        dest="settings",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="another value for this run, such as methods.taet.alpha=0.2, also several times; results go "
        "into a folder of their own",
    )


def _add_smoke(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        SMOKE,
        action="store_true",
        help="one imbalance ratio, one seed, few epochs and images, in results/STUDY_smoke: whether all of "
        "it works",
    )


def selection_of(options: argparse.Namespace) -> Selection:
    """The study that the options choose, with its changes."""
    settings = tuple(getattr(options, "settings", ()))
    return Selection(options.study, settings, getattr(options, "smoke", False))


def study_of(options: argparse.Namespace) -> Study:
    """The same study, loaded."""
    return load_study(options.params, selection_of(options))

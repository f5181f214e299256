"""The words of a command line, read: which command, with which options."""

import argparse
from collections.abc import Iterable
from typing import Any

from taet.cli import claim, drawing, evaluate, methods, parameters, plan, run, stages, verify
from taet.cli.commands import Commands, Parser
from taet.cli.map import map_of_commands
from taet.errors import nearest, suggest
from taet.study.store.revision import revision
from taet.version import __version__

# What people type for what has another name here.
OTHER_WORDS = {
    "train": "equalize trains one network, run a whole study",
    "test": "evaluate attacks a model of your own, run a whole study",
    "sweep": "a study has a block 'sweep' (docs/reproduce_a_table.md), and run takes --set",
}


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    """The options of a command line; help, version and what cannot be end the process."""
    parser, commands = _parser()
    if not arguments:
        parser.print_help()
        parser.exit()
    word = arguments[0]
    if word not in commands.parsers and word not in ("-h", "--help", "--version"):
        first = "the command comes first, then its options" if word.startswith("-") else ""
        parser.error(first or f"no command {word!r}{_other_command(word, commands.parsers)}")
    if command := commands.parsers.get(word):
        for name in (text.partition("=")[0] for text in arguments if text.startswith("--")):
            if name not in command.flags:
                command.error(f"no option {name}{nearest(name, command.flags)}")
    options, rest = parser.parse_known_args(arguments)
    if rest:
        (command or parser).error(f"unexpected {rest[0]!r}")
    named = getattr(options, "named", None)
    if command and named is not None and options.study not in (None, named):
        command.error(f"two studies, {named} and --study {options.study}; name one")
    options.study = named or options.study
    return options


def _parser() -> tuple[argparse.ArgumentParser, Commands]:
    parser = Parser(
        prog="python -m taet",
        usage="%(prog)s COMMAND [--study NAME] [--params FILE] ...",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = Commands(parser)
    for module in (stages, run, evaluate, claim, verify, plan, drawing, parameters, methods):
        module.add(commands)
    parser.description = map_of_commands(commands.texts)
    parser.add_argument("--version", action=_Version, help=argparse.SUPPRESS)
    return parser, commands


def _other_command(word: str, known: Iterable[str]) -> str:
    """What a word that is no command may stand for."""
    for other, meaning in OTHER_WORDS.items():
        if nearest(word, [other, *known]) == nearest(other, [other]):
            return f"; {meaning}"
    return suggest(word, known)


class _Version(argparse.Action):
    """Prints the version of the package and of its code."""

    def __init__(self, option_strings: list[str], dest: str, **others: Any) -> None:
        super().__init__(option_strings, dest, nargs=0, **others)

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        print(f"taet {__version__}, code {revision()}")
        parser.exit()

"""The commands ``methods`` and ``new``: which training methods there are, and the file of another one."""

import argparse

from taet.cli.commands import Commands
from taet.study.params import cards


def add(commands: Commands) -> None:
    listing = commands.add(
        "methods",
        "explain every training method: source, cost, options",
        print_methods,
    )
    listing.add_argument("--markdown", action="store_true", help="print the page docs/methods.md")
    new = commands.add(
        "new",
        "write the file of a new training method, and say what to add to params.yaml",
        write_new,
        study=False,
        file=False,
    )
    new.add_argument("what", choices=["method"], metavar="method", help="what the file is of")
    new.add_argument("name", metavar="NAME", help="its name, and that of the file")


def print_methods(options: argparse.Namespace) -> None:
    print((cards.markdown() if options.markdown else cards.terminal()).rstrip())


def write_new(options: argparse.Namespace) -> None:
    from taet.study.params.new_method import write_method

    print(write_method(options.name))

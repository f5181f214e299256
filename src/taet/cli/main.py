"""Run one command; a mistake of the user or the system is a message, not a traceback."""

import argparse
import errno
import os
import re
import sys

from taet.cli.commands import selection_of
from taet.cli.exit_codes import INTERRUPTED, OK, PROBLEM
from taet.cli.parse import parse_arguments
from taet.errors import UserError, is_out_of_memory
from taet.messages import complain

SNAKEMAKE = r"snakemake (results|data/longtail)/\S+$"  # a command at the end of a message


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns an exit code of ``EXIT_CODES``."""
    options = parse_arguments(sys.argv[1:] if arguments is None else arguments)
    try:
        options.run(options)
        sys.stdout.flush()
        return OK
    except UserError as error:
        for line in str(error).splitlines():
            complain(f"taet {options.command}: {_with_study(line, options)}")
    except BrokenPipeError:  # the reader, such as head, has ended
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except OSError as error:
        if is_out_of_memory(error):
            raise
        complain(f"taet {options.command}: {_system_message(error)}")
    except KeyboardInterrupt:
        complain(f"taet {options.command}: interrupted; the same command goes on")
        return INTERRUPTED
    return PROBLEM


def _system_message(error: OSError) -> str:
    """An error of the system in one line, with a hint where a folder may be the cause."""
    if error.errno is None:  # Pillow's, for a damaged image
        return " ".join(str(error).split()) or type(error).__name__
    where = f"{error.filename}: " if error.filename else ""
    by_folder = error.filename or error.errno in (errno.ENOSPC, errno.EDQUOT)
    hint = "; check the folder's owner, rights and free space" if by_folder else ""
    return f"{where}{error.strerror}{hint}"


def _with_study(line: str, options: argparse.Namespace) -> str:
    """A message with the study in its Snakemake command, which the module that wrote it does not know."""
    config = selection_of(options).snakemake
    return re.sub(SNAKEMAKE, lambda match: match[0] + config, line)

"""Command lines that Snakemake would answer with a traceback or with the names of files that it has tried.

Snakemake imports this package before it reads its command line, in any folder.
"""

import sys
from collections.abc import Container, Sequence
from contextlib import suppress
from pathlib import Path

SNAKEFILES = ("Snakefile", "snakefile", "workflow/Snakefile", "workflow/snakefile")
ELSEWHERE = ("-s", "--snakefile", "-d", "--directory")  # another Snakefile or folder
NO_RUN = ("-h", "--help", "-v", "--version")


def mistake(arguments: Sequence[str], folder: Path) -> str | None:
    """What is wrong with ``snakemake ARGUMENTS`` in a folder of this project; None if nothing is.

    Args:
        arguments: the words after ``snakemake``.
        folder: the working folder.
    """
    words = [word.partition("=")[0] for word in arguments]
    if any(word in (*ELSEWHERE, *NO_RUN) for word in words):
        return None
    if _is_project(folder):
        return _wrong_config(arguments)
    project = next(filter(_is_project, folder.absolute().parents), None)
    if project is None or any((folder / name).exists() for name in SNAKEFILES):
        return None
    return f"no Snakefile here; run it in the project's folder: cd {project}"


def refuse_mistake(argv: Sequence[str], folder: Path) -> None:
    """End Snakemake with one line where its command line has a mistake; do nothing in any other program."""
    if not _is_snakemake(argv):
        return
    problem = None
    with suppress(Exception):  # such as a folder that was deleted; Snakemake says so itself
        problem = mistake(argv[1:], folder)
    if problem:
        sys.exit(f"snakemake: {problem}")


def unknown_target(argv: Sequence[str], rules: Container[str]) -> str | None:
    """The first target that is neither a rule nor looks like a file; None if there is none.

    Args:
        argv: the command line of this process.
        rules: names of all rules.
    """
    # Snakemake's parser takes a fifth of a second: it is asked only where a word may be such a target.
    if not _is_snakemake(argv) or not any(_may_be_target(word, rules) for word in argv[1:]):
        return None
    from snakemake.cli import get_argument_parser

    targets = get_argument_parser().parse_args(argv[1:]).targets
    return next((target for target in targets if _may_be_target(target, rules)), None)


def _may_be_target(word: str, rules: Container[str]) -> bool:
    return word.isidentifier() and word not in rules and not Path(word).exists()


def _is_snakemake(argv: Sequence[str]) -> bool:
    """Whether this process is the command or ``python -m snakemake``."""
    program = Path(argv[0]) if argv else Path()
    return "snakemake" in (program.name, program.parent.name)


def _is_project(folder: Path) -> bool:
    return (folder / "Snakefile").is_file() and (folder / "workflow/rules/common.smk").is_file()


def _wrong_config(arguments: Sequence[str]) -> str | None:
    """The first word after ``--config`` that is not NAME=VALUE, as a target is there."""
    inside = False
    for word in arguments:
        if word.startswith("-"):
            inside = word in ("--config", "-C")
        elif inside and "=" not in word:
            example = "study=NAME" if word == "study" else f"study={word}"
            return (
                f"--config {word}: must be NAME=VALUE, such as --config {example}; targets such as 'all' "
                "come before --config"
            )
    return None

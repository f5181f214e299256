"""The text of ``--help``: a map of the commands, and what to type next."""

import textwrap
from collections.abc import Mapping

from taet.cli.exit_codes import EXIT_CODES
from taet.study.plan.stages import STAGES

MAP_WIDTH = 90  # columns
NEXT = {
    "python -m taet run --smoke": "whether all of it works: a tiny study, in minutes",
    "snakemake -n": "what a whole study would run",
    "snakemake --cores 4 all": "run it, from data to figures, into results/STUDY",
    "python -m taet params": "what it consists of",
    "python -m taet evaluate --model MODULE:FUNCTION --dataset digits": "a model of your own under attack",
    "python -m taet COMMAND --help": "the options of a command",
}


def map_of_commands(texts: Mapping[str, str]) -> str:
    """The stages in their order, the other commands, and what to type next.

    Args:
        texts: descriptions of the commands, by name.
    """
    stages = {name: text for name, text in texts.items() if name in STAGES}
    others = {name: text for name, text in texts.items() if name not in STAGES}
    return "\n".join(
        [
            "Adversarial training on long-tailed image data.\n",
            "Stages, in the order in which a study runs them (snakemake does, and does none twice):",
            *_columns(stages),
            "\nOther commands:",
            *_columns(others),
            "\nWhat to type next:",
            *(f"  {command}\n      {text}" for command, text in NEXT.items()),
            f"\nExit codes: {', '.join(f'{code} {text}' for code, text in EXIT_CODES.items())}.",
            "All pages: docs/README.md",
        ]
    )


def _columns(texts: Mapping[str, str]) -> list[str]:
    width = max(map(len, texts)) + 4
    indent = " " * width
    return [
        textwrap.fill(f"  {name}".ljust(width) + text, MAP_WIDTH, subsequent_indent=indent)
        for name, text in texts.items()
    ]

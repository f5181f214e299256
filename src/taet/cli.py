"""The command line: one command per stage, and those for a whole study, a model or the parameters."""

import argparse
import errno
import importlib.metadata
import json
import os
import re
import shlex
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from taet.decimals import is_integer
from taet.errors import ArgumentError, UserError, counted, is_out_of_memory, nearest, suggest
from taet.messages import complain, say
from taet.study.params import cards
from taet.study.params.load import PARAMS_FILE, load_params, read_selected
from taet.study.params.overlay import of_study
from taet.study.params.resolved import listed
from taet.study.params.selection import SET, SMOKE, Selection
from taet.study.plan.job import option
from taet.study.plan.saved import SavedStudy
from taet.study.plan.stages import DRAWN, STAGES, Stage
from taet.study.plan.study import Study, load_study
from taet.study.run.runner import run_job
from taet.study.run.verify import (
    Problem,
    artifact_problems,
    cache_problems,
    remake,
    without_record,
)
from taet.study.store.artifacts import read_bytes, write_json
from taet.study.store.revision import revision

OK, PROBLEM, MISUSED, INTERRUPTED = 0, 1, 2, 130  # exit codes
MOST_PROBLEMS = 20  # that ``verify`` prints
SNAKEMAKE = r"snakemake (results|data/longtail)/\S+$"  # a command at the end of a message
MAP_WIDTH = 90  # columns of --help


class Axis(NamedTuple):
    """What the command line says of an axis, and the short form of its option, if it has one."""

    help: str
    short: str | None = None


AXES = {
    "dataset": Axis("data set, a name under 'datasets' in the parameters"),
    "imbalance_ratio": Axis(
        "imbalance ratio n_max / n_min, a number of at least 1, or: natural", "--ir"
    ),
    "architecture": Axis("network, a name under 'architectures'", "--arch"),
    "stabilization": Axis("a stage 1, by its name under 'stabilizations'"),
    "method": Axis("training method, a name under 'methods'"),
    "seed": Axis("seed of split, weights, batch order and noise"),
    "checkpoint": Axis("weights of a training: last, or best on the validation images"),
    "job": Axis("group of attacks: the 'job' of blocks under 'attacks'"),
}

NEXT = {
    "python -m taet run --smoke": "whether all of it works: a tiny study, in minutes",
    "snakemake -n": "what a whole study would run",
    "snakemake --cores 4 all": "run it, from data to figures, into results/STUDY",
    "python -m taet params": "what it consists of",
    "python -m taet evaluate --model MODULE:FUNCTION --dataset digits": "a model of your own under attack",
    "python -m taet COMMAND --help": "the options of a command",
}


# What people type for what has another name here.
OTHER_WORDS = {
    "train": "equalize trains one network, run a whole study",
    "test": "evaluate attacks a model of your own, run a whole study",
    "sweep": "a study has a block 'sweep' (docs/reproduce_a_table.md), and run takes --set",
}
EXIT_CODES = {
    OK: "done",
    PROBLEM: "a problem, named in a line",
    MISUSED: "wrong command line",
    INTERRUPTED: "interrupted",
}


class _Parser(argparse.ArgumentParser):
    """Errors are one line that says what to type next."""

    def error(self, message: str) -> NoReturn:
        self.exit(MISUSED, f"{self.prog}: {message} (see: {self.prog} --help)\n")


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns an exit code of ``EXIT_CODES``."""
    options = _parsed(sys.argv[1:] if arguments is None else arguments)
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


def _parsed(arguments: list[str]) -> argparse.Namespace:
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
            if name not in command._option_string_actions:
                command.error(f"no option {name}{nearest(name, command._option_string_actions)}")
    options = parser.parse_args(arguments)
    named = getattr(options, "named", None)
    if command and named is not None and options.study not in (None, named):
        command.error(f"two studies, {named} and --study {options.study}; name one")
    options.study = named or options.study
    return options


def _other_command(word: str, known: Iterable[str]) -> str:
    """What a word that is no command may stand for."""
    for other, meaning in OTHER_WORDS.items():
        if nearest(word, [other, *known]) == nearest(other, [other]):
            return f"; {meaning}"
    return suggest(word, known)


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
    config = _selection(options).snakemake
    return re.sub(SNAKEMAKE, lambda match: match[0] + config, line)


class _Commands:
    """The commands of the command line, each with its options; ``texts`` describes each."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self.texts: dict[str, str] = {}
        self.parsers: dict[str, argparse.ArgumentParser] = {}
        # argparse lists no commands: _map does, in groups.
        self._commands = parser.add_subparsers(
            dest="command",
            required=True,
            metavar="COMMAND",
            parser_class=_Parser,
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
    ) -> Any:
        """Add a command, with options for the study, the parameter file, and changes for this run."""
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
        if file:
            sub.add_argument(
                "--params",
                type=Path,
                default=PARAMS_FILE,
                metavar="FILE",
                help="parameter file (default: params.yaml)",
            )
        if changes:
            _add_set(sub)
            _add_smoke(sub)
        return sub


class _Version(argparse.Action):
    """Prints the version of the package and of its code."""

    def __init__(self, option_strings: list[str], dest: str, **others: Any) -> None:
        super().__init__(option_strings, dest, nargs=0, **others)

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        try:
            version = importlib.metadata.version("taet")
        except importlib.metadata.PackageNotFoundError:
            version = "(not installed)"
        print(f"taet {version}, code {revision()}")
        parser.exit()


def _add_set(sub: argparse.ArgumentParser) -> None:
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


def _add_study_argument(sub: argparse.ArgumentParser) -> None:
    """Let the study be named without ``--study``."""
    sub.add_argument("named", nargs="?", metavar="STUDY", help="the same as --study STUDY")


def _selection(options: argparse.Namespace) -> Selection:
    """The study that the options choose, with its changes."""
    settings = tuple(getattr(options, "settings", ()))
    return Selection(options.study, settings, getattr(options, "smoke", False))


def _parser() -> tuple[argparse.ArgumentParser, _Commands]:
    parser = _Parser(
        prog="python -m taet",
        usage="%(prog)s COMMAND [--study NAME] [--params FILE] ...",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = _Commands(parser)
    for stage in STAGES.values():
        _add_stage(commands, stage)
    _add_others(commands)
    parser.description = _map(commands.texts)
    parser.add_argument("--version", action=_Version, help=argparse.SUPPRESS)
    return parser, commands


def _add_stage(commands: _Commands, stage: Stage) -> None:
    sub = commands.add(stage.name, stage.help, _run_stage, changes=True)
    for axis in stage.axes:
        _add_axis(sub, axis)
    sub.add_argument(
        "--key",
        help="key of the job in the plan that started it; refuse to work if parameters or "
        "code have changed since (Snakemake passes it)",
    )


def _add_axis(sub: argparse.ArgumentParser, axis: str, **changes: Any) -> None:
    """Let a command take an axis, by the option that this has in all commands.

    Args:
        changes: arguments of argparse that differ in this command.
    """
    about = AXES[axis]
    options = [option(axis)] if about.short is None else [option(axis), about.short]
    usual = {"dest": axis, "required": True, "metavar": "VALUE", "help": about.help}
    sub.add_argument(*options, **{**usual, **changes})


def _add_others(commands: _Commands) -> None:
    """Add the commands that are no stages."""
    _add_run(commands)
    _add_evaluate(commands)
    verify = commands.add(
        "verify",
        "read every byte of the results, and list what is damaged or was made with other parameters or code",
        _verify,
        changes=True,
    )
    verify.add_argument(
        "stages",
        nargs="*",
        metavar="STAGE",
        help=f"any of: {', '.join(STAGES)} (default: all, and the objects in DVC's cache)",
    )
    verify.add_argument(
        "--planned",
        action="store_true",
        help="refuse if parameters or code have changed since results/STUDY/plan.json was written (DVC asks)",
    )
    verify.add_argument(
        "--remake",
        action="store_true",
        help="make these artifacts again, and delete damaged objects from DVC's cache",
    )
    commands.add(
        "plan",
        "write results/STUDY/plan.json: for each stage a hash over the keys of its jobs, by which DVC knows "
        "what to run again",
        _plan,
    )
    commands.add(
        "report",
        "write tables, figures and provenance as one page, results/STUDY/report.html",
        _report,
        changes=True,
    )
    commands.add(
        "redraw",
        "write tables, figures and the page of the results saved in results/reference/STUDY, without any "
        "training, into results/STUDY/redrawn",
        _redraw,
    )
    show = commands.add(
        "params",
        "print the parameters that a study uses, and where each value comes from",
        _params,
        changes=True,
    )
    _add_study_argument(show)
    show.add_argument("--all", action="store_true", help="also blocks that the study does not use")
    show.add_argument(
        "--schema", action="store_true", help="print the JSON schema of params.yaml instead"
    )
    listing = commands.add(
        "methods",
        "explain every training method: source, cost, options",
        _methods,
    )
    listing.add_argument("--markdown", action="store_true", help="print the page docs/methods.md")
    new = commands.add(
        "new",
        "write the file of a new training method, and say what to add to params.yaml",
        _new,
        study=False,
        file=False,
    )
    new.add_argument("what", choices=["method"], metavar="method", help="what the file is of")
    new.add_argument("name", metavar="NAME", help="its name, and that of the file")


def _map(texts: Mapping[str, str]) -> str:
    """The text of ``--help``: the stages in their order, the other commands, and what to type next.

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


def _add_run(commands: _Commands) -> None:
    whole = commands.add(
        "run",
        "run a whole study by Snakemake, from data to figures, into results/STUDY",
        _run,
        file=False,
        changes=True,
    )
    _add_study_argument(whole)
    whole.add_argument("-n", "--dry-run", action="store_true", help="only say what would run")
    whole.add_argument(
        "--cores", default="all", metavar="N", help="jobs at a time (default: all cores)"
    )


def _add_evaluate(commands: _Commands) -> None:
    own = commands.add(
        "evaluate",
        "attack a model of your own on a data set's test images, and print a table",
        _evaluate,
    )
    # Left out, it depends on the folder: ``study_of_data_set``.
    own.set_defaults(params=None)
    own.add_argument(
        "--model",
        required=True,
        metavar="MODEL",
        help="MODULE:FUNCTION or FILE.py:FUNCTION, a function that returns a torch module: images in [0,1] "
        "to logits; the module is executed. Or a trained network, such as results/STUDY/equalize/.../"
        "seed0.safetensors. Or a file of others' weights, with --architecture",
    )
    _add_axis(
        own,
        "architecture",
        required=False,
        help=f"{AXES['architecture'].help}, of the weights in the file --model (.safetensors, .pt, .pth); "
        "nothing in it is executed",
    )
    _add_axis(
        own,
        "dataset",
        help=f"{AXES['dataset'].help}; in a folder without params.yaml it is one of the package's, and is "
        "downloaded once",
    )
    own.add_argument(
        "--attacks",
        metavar="NAMES",
        help="names under 'attacks' in the parameters, separated by commas (default: the study's)",
    )
    own.add_argument(
        "--eps", metavar="NUMBER", help="L-inf radius, such as 8/255 (default: the study's)"
    )
    own.add_argument("--images", metavar="N", help="test images at most (default: all)")
    _add_axis(
        own,
        "seed",
        required=False,
        help="of the attacks' noise, and of a split where the data set has none (default: 0, or that in the "
        "name of a trained network's file)",
    )
    _add_set(own)


def _study(options: argparse.Namespace) -> Study:
    return load_study(options.params, _selection(options))


def _run_stage(options: argparse.Namespace) -> None:
    stage = STAGES[options.command]
    planned = options.key is not None
    study = load_study(options.params, _selection(options), planned=planned)
    job = study.job(stage.name, **{axis: getattr(options, axis) for axis in stage.axes})
    if planned and options.key != job.key:
        raise UserError(
            f"{job.title}: parameters or code have changed since this was planned; "
            "run the command that planned it again"
        )
    run_job(job)


def _run(options: argparse.Namespace) -> None:
    selection = _selection(options)
    load_params(PARAMS_FILE, selection)  # what is wrong is said in fewer lines than Snakemake's
    if not Path("Snakefile").is_file():
        raise UserError("Snakefile: no such file; run in the project's folder")
    words = ["--cores", options.cores, *["-n"] * options.dry_run, "all"]
    words += ["--config", *selection.config] if selection.config else []
    say(f"taet run: {shlex.join(['snakemake', *words])}")
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "snakemake", *words])


def _evaluate(options: argparse.Namespace) -> None:
    # Imported here, since they bring torch, which no other of these commands needs.
    from taet.api.named_model import load_named_model
    from taet.api.own_model import attack_model, table
    from taet.api.parameters import study_of_data_set
    from taet.api.weights import load_named

    study, cache, folders = study_of_data_set(_selection(options), options.params, None)
    attacks = None if options.attacks is None else _attack_names(options.attacks, study)
    try:
        frame = attack_model(
            study,
            load_named_model(options.model)
            if options.architecture is None
            else load_named(_file(options.model), options.architecture, study.params.architectures),
            options.dataset,
            attacks,
            eps=options.eps,
            seed=_seed_of(options.model) if options.seed is None else options.seed,
            images=_number(options.images),
            cache=cache,
            folders=folders,
            title=options.model,
        )
    except ArgumentError as error:
        raise UserError(f"--{error}") from None
    print(table(frame, study.params.report.confidence))


def _seed_of(model: str) -> str:
    """The seed of a trained network, whose test images are those of the same seed; 0 of any other model."""
    named = re.search(r"seed(\d+)\.safetensors$", model)
    return named[1] if named else "0"


def _file(model: str) -> Path:
    """The path in ``--model``, beside ``--architecture``.

    Raises:
        UserError: it is the name of a function.
    """
    if model.rpartition(":")[2].isidentifier() and ":" in model:
        raise UserError("--architecture is for a file of weights; leave it out")
    return Path(model)


def _attack_names(text: str, study: Study) -> list[str]:
    """The names in ``--attacks``.

    Raises:
        UserError: there is an empty one.
    """
    names = [name.strip() for name in text.split(",")]
    if "" in names:
        known = ", ".join(study.params.attacks)
        raise UserError(f"--attacks: an empty name in {text!r}; known: {known}")
    return names


def _number(text: str | None) -> int | str | None:
    """A text as a whole number where it is one; any other is refused by who takes the number."""
    return int(text) if text is not None and is_integer(text) else text


def _verify(options: argparse.Namespace) -> None:
    unknown = [stage for stage in options.stages if stage not in STAGES]
    if unknown:
        raise UserError(f"no stage {unknown[0]!r}{suggest(unknown[0], STAGES)}")
    study, stages = _study(options), options.stages or list(STAGES)
    if options.planned:
        _check_plan(study, stages)
    problems = list(artifact_problems(study, stages))
    if not options.stages:
        problems += cache_problems()
    if problems and not options.remake:
        raise _verification_error(problems, study.selection)
    remake(problems)
    for problem in problems:
        print(f"{problem.file}: {'made again' if problem.job else 'taken out'}")
    _print_verified(study, stages)


def _run_all(selection: Selection) -> str:
    return f"snakemake --cores 4 all{selection.snakemake}"


def _verification_error(problems: list[Problem], selection: Selection) -> UserError:
    """The first problems, one line each, and how to solve all of them at once."""
    lines = [problem.message for problem in problems[:MOST_PROBLEMS]]
    if len(problems) > MOST_PROBLEMS:
        lines.append(f"and {len(problems) - MOST_PROBLEMS} more")
    if len(problems) > 1:
        lines.append(
            f"all at once: {_run_all(selection)}, or: python -m taet verify "
            f"{shlex.join(selection.options)} --remake"
        )
    return UserError("\n".join(lines))


def _print_verified(study: Study, stages: list[str]) -> None:
    """Print how many artifacts exist, which are all right, and how many of them have no record."""
    name = study.params.study
    jobs = [job for stage in stages for job in study.jobs(stage)]
    count = sum(job.output.exists() for job in jobs)
    if jobs and not count:
        raise UserError(
            f"study {name!r} has none of its {len(jobs)} artifacts here, so nothing was verified; make them "
            f"with: {_run_all(study.selection)}"
        )
    match = "matches" if count == 1 else "match"
    print(f"{counted(count, 'artifact')} of study {name} {match} params.yaml and the code")
    if unrecorded := without_record(study, stages):
        print(f"{len(unrecorded)} of them have no record of their making: {unrecorded[0]}, ...")


def _plan(options: argparse.Namespace) -> None:
    study = _study(options)
    write_json(_plan_file(study), study.stage_keys)
    print(f"wrote {_plan_file(study)}")


def _plan_file(study: Study) -> Path:
    return Path("results", study.params.study, "plan.json")


def _check_plan(study: Study, stages: list[str]) -> None:
    """Raises UserError where stages have other keys than the plan file says."""
    file, now = _plan_file(study), study.stage_keys
    if not file.exists():
        raise UserError(
            f"{file}: not written yet; run: python -m taet plan --study {study.params.study}"
        )
    try:
        planned = dict(json.loads(read_bytes(file)))
    except (TypeError, ValueError):
        planned = {}
    if changed := [stage for stage in stages if planned.get(stage) != now[stage]]:
        raise UserError(
            f"{file}: parameters or code of {changed[0]} have changed since it was written; run: dvc repro"
        )


def _redraw(options: argparse.Namespace) -> None:
    from taet.report.page import write  # with pandas, which few commands need

    study = SavedStudy(load_params(options.params, options.study))
    for stage in DRAWN:
        run_job(study.job(stage))
    print(f"wrote {write(study, options.params)}")


def _params(options: argparse.Namespace) -> None:
    if options.schema:
        from taet.study.params.schema import json_schema

        print(json.dumps(json_schema(), indent=1))
        return
    selection = _selection(options)
    study = load_study(options.params, selection)
    rows = listed(of_study(read_selected(options.params, selection)))
    if not options.all:
        everything, unused = len(rows), _unused(study)
        rows = [row for row in rows if tuple(row[0].split(".", 2)[:2]) not in unused]
        say(
            f"taet params: {everything - len(rows)} more, of blocks that this study does not use, with --all"
        )
    width = max(len(name) for name, _, _ in rows)
    for name, value, origin in rows:
        print(f"{name:{width}}  {json.dumps(value):24}  {origin}")


def _new(options: argparse.Namespace) -> None:
    from taet.study.params.new_method import write_method

    print(write_method(options.name))


def _unused(study: Study) -> set[tuple[str, str]]:
    """Section and name of each block that no cell of the study reads."""
    params, grid = study.params, study.params.grid
    stage1 = [params.stabilizations[name].method for name in study.stabilizations]
    used = {
        "datasets": grid.datasets,
        "architectures": grid.architectures,
        "stabilizations": study.stabilizations,
        "methods": [*grid.methods, *stage1],
        "attacks": grid.attacks,
    }
    return {
        (section, name)
        for section, names in used.items()
        for name in getattr(params, section)
        if name not in names
    }


def _report(options: argparse.Namespace) -> None:
    from taet.report.page import write  # with pandas, which few commands need

    print(f"wrote {write(_study(options), options.params)}")


def _methods(options: argparse.Namespace) -> None:
    print((cards.markdown() if options.markdown else cards.terminal()).rstrip())

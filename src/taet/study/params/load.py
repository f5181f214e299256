"""The parameters: the only reader of params.yaml.

``load_params`` gives the resolved parameters of one study: the common values, overlaid with those of the
study, checked against the types of the blocks and of the plugins, and against each other. Every mistake is
reported here, before any job starts, with the path of the key, the value and what is allowed.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from taet.errors import UserError, suggest
from taet.options import PluginOptions
from taet.study.params import plugins
from taet.study.params.blocks import Params
from taet.study.params.merge import merged
from taet.study.params.overlay import ParamFile, of_common, of_study, read_file, with_study
from taet.study.params.problems import describe, independent, path_in_file
from taet.study.params.resolved import ResolvedValues
from taet.study.params.rules import inconsistencies, process_problems
from taet.study.params.selection import SET, SMOKE, Selection
from taet.study.params.smoke import tiny

PARAMS_FILE = Path("params.yaml")
# Common blocks of which each data set or method can have a version of its own.
OWN = {"datasets": "longtail", "methods": "training"}
# Names of folders in `results` and `results/reference` that no study can have.
TAKEN = ("reference", "logs", "benchmarks", "slurm_logs", "faults", "pilots", "claims")


def load_params(
    file: Path | str = PARAMS_FILE,
    study: Selection | str | None = None,
    *,
    planned: bool = False,
) -> Params:
    """Parameters of one study, resolved; the whole file is checked, other studies included.

    Args:
        file: the parameter file.
        study: the study, with changes of the command line or by its name alone; None for the file's own
            ``study``.
        planned: check this study alone, since the whole file was checked when the work was planned.

    Raises:
        UserError: one line per problem.
    """
    read = read_selected(Path(file), study)
    asked = of_study(read)
    chosen = asked.values["study"]
    # Common values must be right even where every study overrides them; they need not be complete.
    in_common = [] if planned else _validate(of_common(read), partial=True)[1]
    problems: dict[str, None] = {}  # each once: a mistake in the common values shows in every study
    resolved = {}
    for name in [chosen] if planned else read.studies:
        # With wrong common values, what a study lacks may only follow from these.
        params, in_study = _validate(of_study(read, name), partial=bool(in_common))
        problems |= dict.fromkeys(in_study)
        resolved[name] = params
    problems |= dict.fromkeys([*_taken_names(read), *_shared_problems(resolved, read), *in_common])
    params = resolved[chosen]
    if params is not None and not problems:
        # Only of this study: ``compute`` is common, and other studies may have methods of one process.
        problems |= dict.fromkeys(process_problems(params, asked))
    if problems:
        raise UserError("\n".join(problems))
    assert params is not None  # it has no problem
    return params


def read_selected(path: Path, study: Selection | str | None) -> ParamFile:
    """A parameter file that chooses a study; what the command line changes makes one study more.

    Args:
        path: the parameter file.
        study: see ``load_params``.

    Raises:
        UserError: the file cannot be read, it has no such study, or the study cannot be changed so.
    """
    selection = study if isinstance(study, Selection) else Selection(study)
    file = read_file(path)
    base = of_study(file, selection.study).values["study"]
    file = ParamFile(path, file.common | {"study": base}, file.studies, file.lines)
    if selection.smoke:
        values = tiny(_valid(of_study(file)))
        suffix = Selection(smoke=True).suffix
        file = with_study(file, base, base + suffix, values, SMOKE)
    if selection.assignments:
        before = file.common["study"]
        file = with_study(file, before, base + selection.suffix, selection.values, SET)
    return file


def load_common(file: Path | str) -> Params:
    """The common values of a parameter file, without any study.

    Args:
        file: the parameter file; its common values must be complete.

    Raises:
        UserError: one line per problem.
    """
    return _valid(of_common(read_file(Path(file))))


def _valid(resolved: ResolvedValues) -> Params:
    """Raises UserError with one line per problem."""
    params, problems = _validate(resolved)
    if problems:
        raise UserError("\n".join(problems))
    assert params is not None  # it has no problem
    return params


def _taken_names(file: ParamFile) -> Iterator[str]:
    for name in TAKEN:
        if name in file.studies:
            line = file.lines["studies", name]
            yield f"{file.path}:{line}: studies.{name}: a folder of results has this name; choose another"


def _shared_problems(resolved: Mapping[str, Params | None], file: ParamFile) -> Iterator[str]:
    """All studies share the files of a data set, so its options must be the same in all."""
    first: dict[str, tuple[str, Any]] = {}
    for study, params in resolved.items():
        for name, block in (params.datasets if params else {}).items():
            options = block.model_dump(exclude={"label", "longtail"})
            other, known = first.setdefault(name, (study, options))
            if options != known:
                where = of_study(file, study).locate(("datasets", name))
                yield (
                    f"{where}: other options than in study {other!r}; data/raw/{name} is shared by "
                    "all studies, so give it a name of its own"
                )


def _validate(
    resolved: ResolvedValues, *, partial: bool = False
) -> tuple[Params | None, list[str]]:
    """Parameters and their problems; ``partial`` ones need not be complete, nor fit together."""
    values = dict(resolved.values)
    problems: list[str] = []
    for folder in plugins.FOLDERS:
        values[folder], bad = _plugin_blocks(values.get(folder), folder, resolved, partial)
        problems += bad
    try:
        params = Params.model_validate(values)
    except ValidationError as error:
        wrong_plugins = set(plugins.FOLDERS) if problems else set()  # already reported
        return None, problems + [
            describe(e, resolved, values, Params)
            for e in independent(error, partial)
            if e["loc"][0] not in wrong_plugins
        ]
    return params, problems or ([] if partial else list(inconsistencies(params, resolved)))


def _plugin_blocks(
    blocks: Any, key: str, resolved: ResolvedValues, partial: bool
) -> tuple[Any, list[str]]:
    """Validate each block of e.g. ``methods`` with the Options of the file that implements it."""
    if not isinstance(blocks, dict):
        return blocks, []
    built: dict[str, PluginOptions] = {}
    problems: list[str] = []
    own = OWN.get(key, "")
    common = resolved.values.get(own)
    sound = not own or _is_sound(own, common, partial)
    for name, block in blocks.items():
        if not isinstance(block, dict):
            if (key, name) not in resolved.bases:
                problems.append(f"{resolved.locate((key, name))}: must be a mapping, got {block!r}")
            continue
        kind = block.get("kind", name)
        if kind not in plugins.names(key):
            where = (key, name, "kind") if "kind" in block else (key, name)
            problems.append(
                f"{resolved.locate(where)}: no {plugins.FOLDERS[key]} {kind!r} "
                f"(no file {key}/{kind}.py){suggest(str(kind), plugins.names(key))}"
            )
            continue
        cls = plugins.options_class(key, kind)
        try:
            values = block | ({own: merged(common, block.get(own))} if own else {})
            built[name] = cls.model_validate({"kind": kind, **values})
        except ValidationError as error:
            problems += [
                describe(e, resolved, values, cls, (key, name))
                for e in independent(error, partial)
                if (sound or e["loc"][0] != own)
                and not resolved.is_inherited((key, name, *path_in_file(e["loc"], values)[0]))
            ]
    return built, problems


def _is_sound(name: str, block: Any, partial: bool) -> bool:
    """Whether a common block is valid; otherwise every version of it would repeat its problems."""
    try:
        Params.model_fields[name].annotation.model_validate(block)  # type: ignore[union-attr]
    except ValidationError as error:
        return not independent(error, partial)
    return True

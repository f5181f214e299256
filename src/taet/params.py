"""The parameters: the only reader of params.yaml.

``load`` gives the resolved parameters of one study: the common values, overlaid with what the study
says differently, checked against the types below and against each other. Everything wrong is found
here, before any job starts, and is reported with the path of the key, the value and what is allowed.
"""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, InstanceOf, ValidationError

from taet import plugins
from taet.errors import UserError
from taet.options import (
    AttackOptions,
    Count,
    DatasetOptions,
    MethodOptions,
    ModelOptions,
    Name,
    NonNegative,
    Number,
    Options,
    PixelDistance,
    PluginOptions,
    Positive,
    Share,
    Whole,
)
from taet.yamlfile import Path_, dotted, read_yaml

ImbalanceRatio = Annotated[Number, Field(ge=1, le=100_000)]


def ir_label(ratio: float) -> str:
    """An imbalance ratio as it stands in paths and tables: ``10``, ``33.3``."""
    return f"{ratio:.6g}"


class Grid(Options):
    """Every combination of the lists is a cell of the study."""

    datasets: list[Name] = Field(min_length=1)
    """Data sets, by their names under ``datasets``."""
    imbalance_ratios: list[ImbalanceRatio] = Field(min_length=1)
    """n_max / n_min of the training set, at least 1."""
    architectures: list[Name] = Field(min_length=1)
    """Networks, by their names under ``architectures``."""
    methods: list[Name] = Field(min_length=1)
    """Training methods, by their names under ``methods``; tables keep this order."""
    attacks: list[Name] = Field(min_length=1)
    """Evaluation attacks, by their names under ``attacks``; tables keep this order."""
    seeds: list[Whole] = Field(min_length=1)
    """One seed fixes split, initial weights, batch order and noise, alike for all methods."""


class Longtail(Options):
    """How the training set is made long-tailed."""

    profile: Literal["exponential", "step"]
    """``exponential``: n_c = int(n_max * IR^(-c/(C-1))); ``step``: the second half has n_max / IR."""


class Threat(Options):
    """What the adversary may do, in training and in evaluation."""

    norm: Literal["linf"]
    """Norm of the perturbation."""
    eps: PixelDistance
    """Largest norm of the perturbation, in the [0,1] pixel range."""


class Sgd(Options):
    """Stochastic gradient descent."""

    kind: Literal["sgd"]
    learning_rate: Positive
    momentum: Share
    weight_decay: NonNegative


class Adam(Options):
    """Adam with torch's default betas."""

    kind: Literal["adam"]
    learning_rate: Positive
    weight_decay: NonNegative


class Multistep(Options):
    """The rate is multiplied by ``factor`` when an epoch of ``milestones`` (0-based) begins."""

    kind: Literal["multistep"]
    milestones: list[Count]
    factor: Share


class Cosine(Options):
    """Linear warm-up, then half a cosine to zero."""

    kind: Literal["cosine"]
    warmup: Share
    """Share of all steps that the warm-up takes."""


class TrainingAttack(Options):
    """Inner maximisation of all methods: PGD on the sign of the gradient."""

    steps: Count
    step_size: PixelDistance
    start: Literal["zero", "gauss", "uniform"]
    """``gauss``: 0.001 * N(0,1), not clipped (TRADES family); ``uniform``: U(-eps, eps), clipped."""


class Training(Options):
    """Outer minimisation, common to all methods."""

    epochs: Count
    """Epochs in all, stage 1 included."""
    batch_size: Count
    drop_last: bool
    """Leave out the last, smaller batch of an epoch."""
    optimizer: Annotated[Sgd | Adam, Field(discriminator="kind")]
    schedule: Annotated[Multistep | Cosine, Field(discriminator="kind")]
    attack: TrainingAttack


class Stabilization(Options):
    """A stage 1: another method, stopped early. Methods that name the same one share its checkpoint."""

    method: Name
    """``clean`` for cross-entropy on clean images, ``pgd_at`` on adversarial ones."""
    epochs: Count
    """How many of ``training.epochs`` it takes."""


class Evaluation(Options):
    """How checkpoints are attacked."""

    batch_size: Count


class Compute(Options):
    """What else fixes the bits of a result."""

    threads: Count
    """Threads of a training or attack job. Another count gives other last bits."""


class Groups(Options):
    """Head and tail classes: shares of all classes, ranked by training counts; medium is the rest."""

    head: Share
    tail: Share


class Report(Options):
    """What tables and figures show."""

    view: Literal["balanced", "long_tailed"]
    """Test view of the main table and the figures; metrics.csv has both."""
    headline_attack: Name
    """Attack of the figures and of the headline numbers."""
    confidence: Share
    """Level of the intervals over seeds."""
    groups: Groups


class Params(Options):
    """All parameters of one study."""

    study: Name
    """Which study of ``studies`` to run; its results go to ``results/STUDY``."""
    grid: Grid
    datasets: dict[Name, InstanceOf[DatasetOptions]]
    longtail: Longtail
    architectures: dict[Name, InstanceOf[ModelOptions]]
    threat: Threat
    training: Training
    stabilizations: dict[Name, Stabilization]
    methods: dict[Name, InstanceOf[MethodOptions]]
    attacks: dict[Name, InstanceOf[AttackOptions]]
    evaluation: Evaluation
    compute: Compute
    report: Report

    AXES: ClassVar = ("datasets", "architectures", "methods", "attacks")


@dataclass(frozen=True)
class Source:
    """Resolved parameters of a study before validation, and where each value was written."""

    file: Path
    values: dict[str, Any]
    origins: dict[Path_, tuple[Path_, int]]  # resolved path -> (path in the file, line)
    studies: list[str]  # all that the file has

    def locate(self, path: Path_) -> str:
        """``params.yaml:12: studies.digits.training.epochs`` for the resolved path, or its parent."""
        known = path
        while known and known not in self.origins:
            known = known[:-1]
        written, line = self.origins.get(known, ((), 1))
        return f"{self.file}:{line}: {dotted((*written, *path[len(known) :]))}"

    def origin(self, path: Path_) -> str:
        """Where a value comes from: ``common, line 31`` or ``studies.digits, line 70``."""
        if path not in self.origins:
            return "command line"
        written, line = self.origins[path]
        place = ".".join(map(str, written[:2])) if written[:1] == ("studies",) else "common"
        return f"{place}, line {line}"


def _overlay(
    base: Any,
    top: Any,
    path: Path_,
    written: Path_,
    lines: Mapping[Path_, int],
    origins: dict[Path_, Any],
) -> Any:
    """``top`` over ``base``: mappings merge, anything else replaces.

    A mapping that names another ``kind`` replaces too: Adam has no use for SGD's momentum.
    """
    origins[path] = (written, lines.get(written, 1))
    if not isinstance(top, dict):
        for stale in [p for p in origins if p[: len(path)] == path and p != path]:
            del origins[stale]
        for i, _ in enumerate(top if isinstance(top, list) else ()):
            origins[*path, i] = ((*written, i), lines.get((*written, i), 1))
        return top
    merges = isinstance(base, dict) and top.get("kind", base.get("kind")) == base.get("kind")
    result = dict(base) if merges else {}
    for key, value in top.items():
        result[key] = _overlay(
            result.get(key), value, (*path, key), (*written, key), lines, origins
        )
    return result


def _study_chain(studies: Mapping[str, Any], name: str, file: Path) -> list[str]:
    """The study and those it extends, the most basic first."""
    chain: list[str] = []
    current: str | None = name
    while current is not None:
        if not isinstance(current, str) or current not in studies:
            raise UserError(f"{file}: no study {current!r}{suggest(str(current), studies)}")
        if current in chain:
            raise UserError(
                f"{file}: studies.{current}.extends: the studies extend each other in a circle"
            )
        if not isinstance(studies[current], dict):
            raise UserError(f"{file}: studies.{current}: must be a mapping ({{}} changes nothing)")
        chain.insert(0, current)
        current = studies[current].get("extends")
    return chain


def read_source(file: Path, study: str | None = None) -> Source:
    """Overlay a study (the file's own choice if None) on the common values; nothing is checked yet."""
    data, lines = read_yaml(file)
    studies = data.pop("studies", None)
    if not isinstance(studies, dict) or not studies:
        raise UserError(
            f"{file}: studies: missing; needs at least one study, such as 'digits: {{}}'"
        )
    chosen = study if study is not None else data.get("study")
    if chosen is None:
        raise UserError(f"{file}: study: missing; name one of: {', '.join(studies)}")
    origins: dict[Path_, tuple[Path_, int]] = {}
    values: dict[str, Any] = _overlay({}, data, (), (), lines, origins)
    for name in _study_chain(studies, chosen, file):
        top = {key: value for key, value in studies[name].items() if key != "extends"}
        values = _overlay(values, top, (), ("studies", name), lines, origins)
    if values.get("study") != chosen:
        values["study"] = chosen
        del origins["study",]
    return Source(file, values, origins, list(studies))


def load(file: Path | str = "params.yaml", study: str | None = None) -> Params:
    """Parameters of one study, resolved; the whole file is checked, other studies included.

    Args:
        file: the parameter file.
        study: overrides the file's own ``study``.

    Raises:
        UserError: one line per problem.
    """
    chosen = read_source(Path(file), study)
    problems: dict[str, None] = {}  # a mistake in the common values shows in every study
    resolved = {}
    for name in chosen.studies:
        params, found = _validate(read_source(Path(file), name))
        problems |= dict.fromkeys(found)
        resolved[name] = params
    if problems:
        raise UserError("\n".join(problems))
    params = resolved[chosen.values["study"]]
    assert params is not None  # nothing was wrong with it
    return params


def _validate(source: Source) -> tuple[Params | None, list[str]]:
    values = dict(source.values)
    problems: list[str] = []
    for key, (folder, what) in plugins.FOLDERS.items():
        values[key], bad = _plugin_blocks(values.get(key), key, folder, what, source)
        problems += bad
    try:
        params = Params.model_validate(values)
    except ValidationError as error:
        wrong_plugins = set(plugins.FOLDERS) if problems else set()  # said already
        return None, problems + [
            _message(e, source, values, Params)
            for e in _plain(error)
            if e["loc"][0] not in wrong_plugins
        ]
    return params, problems or list(_cross_checks(params, source))


def _plugin_blocks(
    blocks: Any, key: str, folder: str, what: str, source: Source
) -> tuple[Any, list[str]]:
    """Validate each block of e.g. ``methods`` with the Options of the file that implements it."""
    if not isinstance(blocks, dict):
        return blocks, []
    built: dict[str, PluginOptions] = {}
    problems: list[str] = []
    for name, block in blocks.items():
        if not isinstance(block, dict):
            problems.append(f"{source.locate((key, name))}: must be a mapping, got {block!r}")
            continue
        kind = block.get("kind", name)
        if kind not in plugins.names(folder):
            problems.append(
                f"{source.locate((key, name))}: no {what} {kind!r} "
                f"(no file {folder}/{kind}.py){suggest(str(kind), plugins.names(folder))}"
            )
            continue
        cls = plugins.options_class(folder, kind)
        try:
            built[name] = cls.model_validate({"kind": kind, **block})
        except ValidationError as error:
            problems += [_message(e, source, block, cls, (key, name)) for e in _plain(error)]
    return built, problems


def _plain(error: ValidationError) -> list[Any]:
    """The errors without those that only follow from a misspelt key: the key it should have been."""
    errors: list[Any] = list(error.errors())
    misspelt = {e["loc"][:-1] for e in errors if e["type"] == "extra_forbidden"}
    return [e for e in errors if not (e["type"] == "missing" and e["loc"][:-1] in misspelt)]


def _message(
    error: Any, source: Source, values: Any, model: type[Options], prefix: Path_ = ()
) -> str:
    """One line for one pydantic error: where, the value, what is allowed."""
    # A discriminated union puts its tag ("sgd") into the location; it is no key of the file.
    loc: list[str | int] = []
    here: Any = values
    for part in error["loc"]:
        inside = isinstance(here, (dict, list)) and not (
            isinstance(here, dict) and part not in here and here.get("kind") == part
        )
        if inside:
            loc.append(part)
            here = (
                here.get(part)
                if isinstance(here, dict)
                else here[part]
                if isinstance(part, int) and part < len(here)
                else None
            )
    where = source.locate((*prefix, *loc))
    allowed = _allowed_keys(model, loc[:-1])
    match error["type"]:
        case "extra_forbidden":
            return f"{where}: unknown key{suggest(str(loc[-1]), allowed)}"
        case "missing":
            path = dotted((*prefix, *loc))
            return f"{source.file}: {path}: missing; give it a value, common or in the study"
        case "union_tag_invalid" | "union_tag_not_found":
            tags = error["ctx"].get("expected_tags", "").replace("'", "")
            kind = here.get("kind") if isinstance(here, dict) else here
            return f"{where}.kind: {kind!r} is not one of: {tags or 'sgd, adam; multistep, cosine'}"
        case "string_pattern_mismatch":
            rule = "lower-case letters, digits and underscores, a letter first, at most 40"
            return f"{where}: {error['input']!r} is no valid name ({rule})"
    text = error["msg"].removeprefix("Value error, ")
    text = text[0].lower() + text[1:] if text[:5] in ("Input", "Value", "List ") else text
    got = _short(error["input"])
    suggestion = ""
    if error["type"] == "literal_error":
        options = error["ctx"]["expected"].replace("'", "").replace(" or ", ", ").split(", ")
        suggestion = suggest(str(error["input"]), options)
    return f"{where}: {text}, got {got}{suggestion}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _allowed_keys(model: type[Options], path: list[str | int]) -> list[str]:
    """Keys that the block at ``path`` inside ``model`` may have."""
    for part in path:
        field = model.model_fields.get(str(part))
        annotation = field.annotation if field else None
        if not (isinstance(annotation, type) and issubclass(annotation, Options)):
            return []
        model = annotation
    return list(model.model_fields)


def suggest(word: str, known: Any) -> str:
    """``; did you mean ...; known: ...`` for an unknown word, or nothing where nothing is known."""
    known = [str(k) for k in known]
    if not known:
        return ""
    near = difflib.get_close_matches(word, known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ";"
    return f"{hint} known: {', '.join(known)}"


def _cross_checks(params: Params, source: Source) -> Iterator[str]:
    """What no single value can show: references, duplicates, lengths."""
    grid = params.grid
    for axis in ("datasets", "imbalance_ratios", "architectures", "methods", "attacks", "seeds"):
        values = getattr(grid, axis)
        if axis == "imbalance_ratios":  # the same when they would share a path
            values = [ir_label(value) for value in values]
        for i, value in enumerate(values):
            where = source.locate(("grid", axis, i))
            if value in values[:i]:
                yield f"{where}: {value!r} is in the list twice"
            if axis in Params.AXES and value not in (blocks := getattr(params, axis)):
                yield f"{where}: no {plugins.FOLDERS[axis][1]} {value!r}{suggest(value, blocks)}"
    for name, method in params.methods.items():
        recipe, known = method.stabilization, params.stabilizations
        if recipe is not None and recipe not in known:
            where = source.locate(("methods", name, "stabilization"))
            yield f"{where}: no stabilization {recipe!r}{suggest(recipe, known)}"
    for name, stabilization in params.stabilizations.items():
        path = ("stabilizations", name)
        stage1 = params.methods.get(stabilization.method)
        if stage1 is None:
            yield (
                f"{source.locate((*path, 'method'))}: no method {stabilization.method!r}"
                f"{suggest(stabilization.method, params.methods)}"
            )
        elif stage1.stabilization is not None:
            yield f"{source.locate((*path, 'method'))}: {stabilization.method!r} has a stage 1 itself"
        if stabilization.epochs >= params.training.epochs:
            yield (
                f"{source.locate((*path, 'epochs'))}: {stabilization.epochs} leaves no epoch for stage 2; "
                f"must be below training.epochs = {params.training.epochs}"
            )
    if params.report.headline_attack not in grid.attacks:
        yield (
            f"{source.locate(('report', 'headline_attack'))}: {params.report.headline_attack!r} is not in "
            f"grid.attacks{suggest(params.report.headline_attack, grid.attacks)}"
        )
    if params.report.groups.head + params.report.groups.tail > 1:
        yield f"{source.locate(('report', 'groups'))}: head and tail together are more than all classes"
    labels: dict[str, str] = {}
    for name in grid.methods:
        if name in params.methods:
            first = labels.setdefault(params.methods[name].label, name)
            if first != name:
                where = source.locate(("methods", name, "label"))
                yield f"{where}: {params.methods[name].label!r} is also the label of {first!r}"

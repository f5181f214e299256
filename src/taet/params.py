"""The parameters: the only reader of params.yaml.

``load`` gives the resolved parameters of one study: the common values, overlaid with what the study
says differently, checked against the types below and against each other. Everything wrong is found
here, before any job starts, and is reported with the path of the key, the value and what is allowed.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, InstanceOf, ValidationError

from taet import plugins
from taet.errors import UserError, suggest
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
from taet.problems import describe, independent
from taet.sources import Source, read_source

RESERVED = {"clean", "index", "label"}  # names in a file of predictions; see taet.stages.attack
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
    selection: Literal["seeded", "ldam_drw"]
    """Which training images a class keeps: ``seeded`` draws them anew for each seed; ``ldam_drw`` are
    those of LDAM-DRW's code (NumPy seed 0), which RoBal, REAT and AT-BSL share, for every seed."""


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
    augmentation: Literal["none", "crop_flip", "auto_augment", "rand_augment"]
    """What is done to training images before they are attacked; see ``taet.augment``."""
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
            describe(e, source, values, Params)
            for e in independent(error)
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
            problems += [describe(e, source, block, cls, (key, name)) for e in independent(error)]
    return built, problems


def _cross_checks(params: Params, source: Source) -> Iterator[str]:
    """What no single value can show: duplicates, references, lengths."""
    yield from _grid_problems(params, source)
    yield from _attack_problems(params, source)
    yield from _stabilization_problems(params, source)
    yield from _report_problems(params, source)


def _grid_problems(params: Params, source: Source) -> Iterator[str]:
    for axis in Grid.model_fields:
        values = getattr(params.grid, axis)
        if axis == "imbalance_ratios":  # the same when they would share a path
            values = [ir_label(value) for value in values]
        for i, value in enumerate(values):
            where = source.locate(("grid", axis, i))
            if value in values[:i]:
                yield f"{where}: {value!r} is in the list twice"
            if axis in plugins.FOLDERS and value not in (blocks := getattr(params, axis)):
                yield f"{where}: no {plugins.FOLDERS[axis][1]} {value!r}{suggest(value, blocks)}"


def _attack_problems(params: Params, source: Source) -> Iterator[str]:
    for name in RESERVED & params.attacks.keys():
        yield f"{source.locate(('attacks', name))}: the name is taken in files of predictions; choose another"


def _stabilization_problems(params: Params, source: Source) -> Iterator[str]:
    for name, method in params.methods.items():
        recipe, known = method.stabilization, params.stabilizations
        if recipe is not None and recipe not in known:
            where = source.locate(("methods", name, "stabilization"))
            yield f"{where}: no stabilization {recipe!r}{suggest(recipe, known)}"
    for name, stabilization in params.stabilizations.items():
        where = source.locate(("stabilizations", name, "method"))
        method_name = stabilization.method
        stage1 = params.methods.get(method_name)
        if stage1 is None:
            yield f"{where}: no method {method_name!r}{suggest(method_name, params.methods)}"
        elif stage1.stabilization is not None:
            yield f"{where}: {method_name!r} has a stage 1 itself; name a method without one"
        if stabilization.epochs >= params.training.epochs:
            where = source.locate(("stabilizations", name, "epochs"))
            yield (
                f"{where}: {stabilization.epochs} leaves no epoch for stage 2; "
                f"must be below training.epochs = {params.training.epochs}"
            )


def _report_problems(params: Params, source: Source) -> Iterator[str]:
    attack, attacks = params.report.headline_attack, params.grid.attacks
    if attack not in attacks:
        where = source.locate(("report", "headline_attack"))
        yield f"{where}: {attack!r} is not in grid.attacks{suggest(attack, attacks)}"
    if params.report.groups.head + params.report.groups.tail > 1:
        where = source.locate(("report", "groups"))
        yield f"{where}: head and tail together are more than all classes"
    labels: dict[str, str] = {}
    for name in params.grid.methods:
        if name in params.methods:
            label = params.methods[name].label
            first = labels.setdefault(label, name)
            if first != name:
                where = source.locate(("methods", name, "label"))
                yield f"{where}: {label!r} is also the label of {first!r}; tables need distinct ones"

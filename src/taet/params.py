"""The parameters: the only reader of params.yaml.

``load`` gives the resolved parameters of one study: the common values, overlaid with what the study
says differently, checked against the types below and against each other. Everything wrong is found
here, before any job starts, and is reported with the path of the key, the value and what is allowed.
"""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import BeforeValidator, Field, InstanceOf, Tag, ValidationError

from taet import plugins
from taet.errors import UserError, suggest
from taet.options import (
    AttackOptions,
    Count,
    DatasetOptions,
    Label,
    MethodOptions,
    ModelOptions,
    Name,
    NonNegative,
    Options,
    PixelDistance,
    PluginOptions,
    Positive,
    Share,
    Shares,
    Whole,
    one_or_several,
    parse_number,
)
from taet.problems import describe, independent
from taet.sources import ParamFile, Source, of_common, of_study, read_file

Block = TypeVar("Block", bound=Options)

RESERVED = {"clean", "index", "label"}  # names in a file of predictions; see taet.stages.attack
NATURAL = "natural"
MAX_RATIO = 100_000


def imbalance_ratio(value: Any) -> Any:
    """Parse an imbalance ratio: a number of at least 1, or ``natural``.

    Raises:
        ValueError: it is neither.
    """
    if value == NATURAL:
        return value
    problem = ValueError(f"must be a number from 1 to {MAX_RATIO}, or {NATURAL}")
    try:
        ratio = parse_number(value)
    except ValueError:
        raise problem from None
    if isinstance(ratio, bool) or not isinstance(ratio, (int, float)):
        raise problem
    if not 1 <= ratio <= MAX_RATIO:
        raise problem
    if float(f"{ratio:.6g}") != ratio:
        raise ValueError("must have at most 6 significant digits: it stands in paths")
    return float(ratio)


ImbalanceRatio = Annotated[
    float | Literal["natural"],
    BeforeValidator(imbalance_ratio),
    Field(
        json_schema_extra={
            "anyOf": [{"type": "number", "minimum": 1, "maximum": MAX_RATIO}, {"const": NATURAL}]
        }
    ),
]


def ir_label(ratio: float | str) -> str:
    """An imbalance ratio as it stands in paths and tables: ``10``, ``33.3``, ``natural``."""
    return ratio if isinstance(ratio, str) else f"{ratio:.6g}"


class Grid(Options):
    """Every combination of the lists is a cell of the study."""

    datasets: list[Name] = Field(min_length=1)
    """Data sets, by their names under ``datasets``."""
    imbalance_ratios: list[ImbalanceRatio] = Field(min_length=1)
    """n_max / n_min of the training set, at least 1; ``natural`` takes all training images."""
    architectures: list[Name] = Field(min_length=1)
    """Networks, by their names under ``architectures``."""
    methods: list[Name] = Field(min_length=1)
    """Training methods, by their names under ``methods``; tables keep this order."""
    attacks: list[Name] = Field(min_length=1)
    """Evaluation attacks, by their names under ``attacks``; tables keep this order."""
    seeds: list[Whole] = Field(min_length=1)
    """One seed fixes split, initial weights, batch order and noise, alike for all methods."""
    checkpoints: list[Literal["last", "best"]] = Field(min_length=1)
    """Weights of each training that are attacked: the last, or those with the best balanced robustness on
    the validation images (``training.validation``). Never chosen on test images."""


class Longtail(Options):
    """How the training set is made long-tailed."""

    profile: Literal["exponential", "step"]
    """``exponential``: n_c = int(n_max * IR^(-c/(C-1))); ``step``: the second half has n_max / IR."""
    selection: Literal["seeded", "ldam_drw"]
    """Which training images a class keeps: ``seeded`` draws them anew for each seed; ``ldam_drw`` are
    those of LDAM-DRW's code (NumPy seed 0), which RoBal, REAT and AT-BSL share, for every seed."""
    head_images: Count | None
    """Training images of the head class, the same for all imbalance ratios so that the sets of one seed
    are nested; null for as many as the smallest class has. The long-tailed test view shrinks likewise."""
    class_order: Literal["label", "reversed", "size", "random"]
    """Classes from head to tail: by label (the field's habit), last label first, largest class first,
    or drawn anew for each seed."""
    validation_share: Annotated[Share, Field(lt=1)]
    """Share of each class's long-tailed training images that is held back for validation."""
    test_per_class: Count | None
    """Test images held out of each class where a data set has no official test set; others ignore it."""


class Download(Options):
    """Where data sets come from; no result depends on it."""

    not_in_keys: ClassVar[frozenset[str]] = frozenset({"mirror"})

    mirror: str | None
    """Folder or address that holds the official files; null fetches them from their own address.
    The environment variable TAET_DATA_MIRROR comes before it."""


class Threat(Options):
    """What the adversary may do, in training and in evaluation."""

    eps: PixelDistance
    """Largest L-inf norm of the perturbation, in the [0,1] pixel range."""


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
    factor: Shares
    """One for all milestones, or one for each."""
    compounding: bool
    """Multiply again in *every* epoch from a milestone on: RoBal's code, which all but stops training two
    epochs after the first milestone."""


class Cosine(Options):
    """Linear warm-up, then half a cosine to zero."""

    kind: Literal["cosine"]
    warmup: Share
    """Share of all steps that the warm-up takes."""


class TrainingAttack(Options):
    """Inner maximisation of all methods: PGD on the sign of the gradient."""

    steps: Count
    step_size: PixelDistance
    eps: PixelDistance | None
    """Radius in training; null for that of ``threat``."""
    start: Literal["zero", "gauss", "uniform", "one_sided"]
    """``gauss``: 0.001 * N(0,1), not clipped (TRADES family); ``uniform``: U(-eps, eps), clipped;
    ``one_sided``: U(0, eps), not clipped (RoBal's code)."""
    batch_norm: Literal["eval", "train", "train_no_track"]
    """Statistics during the attack: running ones; of the batch, which also move the running ones (Rice et
    al. 2020); of the batch, without moving them (RobustLT)."""


class Validation(Options):
    """PGD on the validation images after an epoch, from a uniform start, for the learning curve and to say
    which weights are best."""

    steps: Count
    step_size: PixelDistance
    every: Count
    """After every so many epochs, and after the last."""


class Training(Options):
    """Outer minimisation; common to all methods, but for what a method's own ``training`` says."""

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
    precision: Literal["fp32", "attack_bf16", "bf16"]
    """``attack_bf16``: the training attack in bfloat16, the update in float32; ``bf16``: both in bfloat16,
    with weights and losses in float32. Evaluation is always in float32."""
    validation: Validation | None
    """Measure every network on the validation images while it trains; null for not. Its best weights are
    kept beside the last (``grid.checkpoints``)."""


class Stabilization(Options):
    """A stage 1: another method, stopped early. Methods that name the same one share its checkpoint."""

    method: Name
    """``clean`` for cross-entropy on clean images, ``pgd_at`` on adversarial ones."""
    epochs: Count
    """How many of the method's epochs it takes."""
    after: Name | None = None
    """A shorter stage 1 of the same method that this one goes on from: no epoch is trained twice."""


class Evaluation(Options):
    """How checkpoints are attacked."""

    batch_size: Count


class Compute(Options):
    """What else fixes the bits of a result."""

    threads: Annotated[Count, Field(le=1024)]
    """Threads of a training or attack job. Another count gives other last bits."""
    device: Literal["cpu", "cuda"]
    """Where networks are trained and attacked; ``cuda`` is that of the GPUs which CUDA_VISIBLE_DEVICES leaves
    visible on which fewest of our processes work. Another device gives other last bits, and other draws of
    attack noise."""
    processes: Annotated[Count, Field(le=1024)]
    """Processes that train one network together, each on its share of every batch; on GPUs, one for each."""
    sync_batch_norm: bool
    """Of several processes: take batch norm's statistics over the whole batch, as one process does, or
    over each share."""


class Groups(Options):
    """Head and tail classes: shares of all classes, ranked by training counts; medium is the rest."""

    head: Annotated[Share, Field(gt=0)]
    tail: Annotated[Share, Field(gt=0)]


class WorstCase(Options):
    """A column of its own: an image is robust if it survives several attacks."""

    label: Label
    """Name printed in tables and figures."""
    attacks: Annotated[
        Annotated[Literal["all"], Tag("one")] | Annotated[list[Name], Tag("several")],
        one_or_several,
    ]
    """Attacks of the grid; ``all``: every one in the L-inf ball of ``threat``."""


class Inspection(Options):
    """What is looked at in the networks of the first seed."""

    classes: Count
    """How many classes, the rarest."""
    images_per_class: Count
    """Test images whose features are shown; the first of them is shown under attack."""
    perplexity: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    """Of t-SNE: about how many neighbours a point keeps; at most a third of the images."""


class Report(Options):
    """What tables and figures show."""

    view: Literal["balanced", "long_tailed"]
    """Test view of the main table and the figures; metrics.csv has both."""
    checkpoint: Literal["last", "best"]
    """Weights of the main table and the figures; metrics.csv has all of ``grid.checkpoints``."""
    headline_attack: Name
    """Attack of the figures and of the headline numbers."""
    confidence: Annotated[Share, Field(gt=0, lt=1)]
    """Level of the intervals over seeds."""
    bootstrap: Count
    """Draws of the bootstrap over seeds and images."""
    worst_cases: dict[Name, WorstCase]
    """Columns after those of the attacks; PGD on cross-entropy alone flatters some methods."""
    groups: Groups
    inspection: Inspection


class Params(Options):
    """All parameters of one study."""

    study: Name
    """Which study of ``studies`` to run; its results go to ``results/STUDY``."""
    grid: Grid
    datasets: dict[Name, InstanceOf[DatasetOptions]]
    download: Download
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


def longtail_of(params: Params, dataset: str) -> Longtail:
    """The block ``longtail`` with what the data set does differently."""
    return _with_own(params.longtail, params.datasets[dataset].longtail)


def training_of(params: Params, method: str) -> Training:
    """The block ``training`` with what the method does differently."""
    return _with_own(params.training, params.methods[method].training)


def _with_own(common: Block, own: dict[str, Any] | None) -> Block:
    """A common block with what a plugin's block says differently.

    Raises:
        ValidationError: together they are no valid block.
    """
    return common if own is None else type(common).model_validate(_own_values(common, own))


def _own_values(common: Options, own: dict[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = merged(common.model_dump(), own)
    return values


def merged(base: Any, top: Any) -> Any:
    """``top`` over ``base``: mappings of one ``kind`` merge, anything else replaces."""
    if not (isinstance(base, dict) and isinstance(top, dict)):
        return top
    if top.get("kind", base.get("kind")) != base.get("kind"):
        return top
    return base | {key: merged(base.get(key), value) for key, value in top.items()}


def load(
    file: Path | str = "params.yaml", study: str | None = None, *, planned: bool = False
) -> Params:
    """Parameters of one study, resolved; the whole file is checked, other studies included.

    Args:
        file: the parameter file.
        study: overrides the file's own ``study``.
        planned: whoever planned the work has checked the whole file; check this study alone.

    Raises:
        UserError: one line per problem.
    """
    read = read_file(Path(file))
    chosen = of_study(read, study).values["study"]
    problems: dict[str, None] = {}  # a mistake in the common values shows in every study
    resolved = {}
    for name in [chosen] if planned else read.studies:
        params, found = _validate(of_study(read, name))
        problems |= dict.fromkeys(found)
        resolved[name] = params
    problems |= dict.fromkeys(_shared_problems(resolved, read))
    if not planned:
        # Last: what a study overrides must be right all the same, but may be left to the studies.
        _, found = _validate(of_common(read), partial=True)
        problems |= dict.fromkeys(found)
    if problems:
        raise UserError("\n".join(problems))
    params = resolved[chosen]
    assert params is not None  # nothing was wrong with it
    return params


def _shared_problems(resolved: Mapping[str, Params | None], file: ParamFile) -> Iterator[str]:
    """Data sets lie in one place for all studies, so they must be the same for all."""
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


def _validate(source: Source, *, partial: bool = False) -> tuple[Params | None, list[str]]:
    """Parameters and what is wrong with them; ``partial`` ones need not be complete nor fit together."""
    values = dict(source.values)
    problems: list[str] = []
    for key, (folder, what) in plugins.FOLDERS.items():
        values[key], bad = _plugin_blocks(values.get(key), key, folder, what, source, partial)
        problems += bad
    try:
        params = Params.model_validate(values)
    except ValidationError as error:
        wrong_plugins = set(plugins.FOLDERS) if problems else set()  # said already
        return None, problems + [
            describe(e, source, values, Params)
            for e in independent(error, partial)
            if e["loc"][0] not in wrong_plugins
        ]
    return params, problems or ([] if partial else list(_cross_checks(params, source)))


def _plugin_blocks(
    blocks: Any, key: str, folder: str, what: str, source: Source, partial: bool
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
            where = (key, name, "kind") if "kind" in block else (key, name)
            problems.append(
                f"{source.locate(where)}: no {what} {kind!r} "
                f"(no file {folder}/{kind}.py){suggest(str(kind), plugins.names(folder))}"
            )
            continue
        cls = plugins.options_class(folder, kind)
        try:
            built[name] = cls.model_validate({"kind": kind, **block})
        except ValidationError as error:
            problems += [
                describe(e, source, block, cls, (key, name)) for e in independent(error, partial)
            ]
    return built, problems


def _cross_checks(params: Params, source: Source) -> Iterator[str]:
    """What no single value can show: duplicates, references, lengths."""
    yield from _grid_problems(params, source)
    yield from _plugin_problems(params, source)
    wrong = [*_longtail_problems(params, source), *_training_problems(params, source)]
    yield from wrong or _validation_problems(params, source)
    yield from _attack_problems(params, source)
    wrong = list(_stabilization_problems(params, source))
    yield from wrong or _chain_problems(params, source)
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


def _plugin_problems(params: Params, source: Source) -> Iterator[str]:
    """What a block says of itself, and labels that two rows or columns of a table would share."""
    for axis in plugins.FOLDERS:
        blocks = getattr(params, axis)
        for name, block in blocks.items():
            if problem := block.problem():
                yield f"{source.locate((axis, name))}: {problem}"
        labels: dict[str, str] = {}
        for name in getattr(params.grid, axis):
            if name in blocks:
                first = labels.setdefault(blocks[name].label, name)
                if first != name:
                    where = source.locate((axis, name, "label"))
                    yield (
                        f"{where}: {blocks[name].label!r} is also the label of {first!r}; "
                        "tables need distinct ones"
                    )


def _longtail_problems(params: Params, source: Source) -> Iterator[str]:
    for name, dataset in params.datasets.items():
        path = ("datasets", name, "longtail")
        yield from _own_problems(params.longtail, dataset.longtail, path, source)


def _training_problems(params: Params, source: Source) -> Iterator[str]:
    common = list(_recipe_problems(params, params.training, ("training",), source))
    yield from common
    if common:  # every method would repeat it
        return
    for name, method in params.methods.items():
        path = ("methods", name, "training")
        if problems := list(_own_problems(params.training, method.training, path, source)):
            yield from problems
        elif method.training is not None:
            yield from _recipe_problems(params, training_of(params, name), path, source)


def _own_problems(
    common: Options, own: dict[str, Any] | None, path: tuple[str, ...], source: Source
) -> Iterator[str]:
    """What is wrong with a plugin's own version of a common block."""
    try:
        _with_own(common, own)
    except ValidationError as error:
        values = _own_values(common, own or {})
        for e in independent(error):
            yield describe(e, source, values, type(common), path)


def _recipe_problems(
    params: Params, training: Training, path: tuple[str, ...], source: Source
) -> Iterator[str]:
    attack = training.attack
    eps = params.threat.eps if attack.eps is None else attack.eps
    if attack.step_size > 2 * eps:
        yield _long_step(source.locate((*path, "attack", "step_size")), attack.step_size, eps)
    if isinstance(training.schedule, Multistep):
        milestones, factor = training.schedule.milestones, training.schedule.factor
        if isinstance(factor, list) and len(factor) != len(milestones):
            where = source.locate((*path, "schedule", "factor"))
            yield f"{where}: {len(factor)} factors for {len(milestones)} milestones; give one for each"
        for i, milestone in enumerate(milestones):
            where = source.locate((*path, "schedule", "milestones", i))
            if milestone >= training.epochs:
                yield f"{where}: {milestone} is never reached; must be below the number of epochs"
            if i and milestone <= milestones[i - 1]:
                yield f"{where}: {milestone} must be above the one before, {milestones[i - 1]}"


def _validation_problems(params: Params, source: Source) -> Iterator[str]:
    """Who measures on validation images must have some, and who wants the best weights must measure."""
    problems: dict[str, None] = {}  # what is wrong with the common block is wrong for every method
    unmeasured = False
    for name in params.grid.methods:
        if name in params.methods:
            own = (params.methods[name].training or {}).get("validation")
            path = ("training",) if own is None else ("methods", name, "training")
            validation = training_of(params, name).validation
            if validation is None:
                unmeasured = True
            else:
                problems |= dict.fromkeys(_measuring_problems(params, validation, path, source))
    yield from problems
    if unmeasured and "best" in params.grid.checkpoints:
        place = ("grid", "checkpoints", params.grid.checkpoints.index("best"))
        yield (
            f"{source.locate(place)}: 'best' needs training.validation for every method; set it, or take "
            "'best' out"
        )


def _measuring_problems(
    params: Params, validation: Validation, path: tuple[str, ...], source: Source
) -> Iterator[str]:
    if validation.step_size > 2 * params.threat.eps:
        where = source.locate((*path, "validation", "step_size"))
        yield _long_step(where, validation.step_size, params.threat.eps)
    for dataset in params.grid.datasets:
        options = params.datasets.get(dataset)
        if options is None or options.official_validation:
            continue
        if longtail_of(params, dataset).validation_share == 0:
            yield (
                f"{source.locate((*path, 'validation'))}: {dataset!r} has no validation images; set "
                "longtail.validation_share above 0, or validation to null"
            )


def _long_step(where: str, step_size: float, eps: float) -> str:
    return f"{where}: {step_size:.4g} is wider than the whole ball, 2 eps = {2 * eps:.4g}"


def _attack_problems(params: Params, source: Source) -> Iterator[str]:
    for name in RESERVED & params.attacks.keys():
        yield f"{source.locate(('attacks', name))}: the name is taken in files of predictions; choose another"
    for name in params.grid.attacks:
        step_size = getattr(params.attacks.get(name), "step_size", 0)
        if step_size > 2 * params.threat.eps:
            where = source.locate(("attacks", name, "step_size"))
            yield _long_step(where, step_size, params.threat.eps)


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
        users = [m for m in params.grid.methods if _starts_from(params, m) == name]
        shortest = min((_epochs(params, user) for user in users), default=math.inf)
        if stabilization.epochs >= shortest:
            where = source.locate(("stabilizations", name, "epochs"))
            yield (
                f"{where}: {stabilization.epochs} leaves no epoch for stage 2 of a method that ends "
                f"at epoch {shortest}"
            )


def _starts_from(params: Params, method: str) -> str | None:
    """Stage 1 of a method of the grid; a name without a block is a problem said elsewhere."""
    return params.methods[method].stabilization if method in params.methods else None


def _chain_problems(params: Params, source: Source) -> Iterator[str]:
    """Each link has fewer epochs than the next, so that a chain cannot close."""
    known = params.stabilizations
    for name, recipe in known.items():
        if recipe.after is None:
            continue
        where = source.locate(("stabilizations", name, "after"))
        before = known.get(recipe.after)
        if before is None:
            yield f"{where}: no stabilization {recipe.after!r}{suggest(recipe.after, known)}"
        elif before.method != recipe.method:
            yield f"{where}: {recipe.after!r} is made with {before.method!r}, not {recipe.method!r}"
        elif before.epochs >= recipe.epochs:
            yield (
                f"{where}: {recipe.after!r} has {before.epochs} epochs; "
                f"must be below {recipe.epochs}"
            )


def _epochs(params: Params, method: str) -> float:
    """Epochs of a method in all; without end where its own number is no number, which is said elsewhere."""
    own = (params.methods[method].training or {}).get("epochs", params.training.epochs)
    return own if isinstance(own, int) else math.inf


def _report_problems(params: Params, source: Source) -> Iterator[str]:
    attack, attacks = params.report.headline_attack, params.grid.attacks
    for name, worst in params.report.worst_cases.items():
        path = ("report", "worst_cases", name)
        if name in params.attacks or name in RESERVED:
            yield f"{source.locate(path)}: the name is that of an attack; choose another"
        named = [] if worst.attacks == "all" else worst.attacks
        for i, member in enumerate(named):
            if member not in attacks:
                where = source.locate((*path, "attacks", i))
                yield f"{where}: {member!r} is not in grid.attacks; add it there, or name another"
    if attack not in attacks:
        where = source.locate(("report", "headline_attack"))
        yield f"{where}: {attack!r} is not in grid.attacks; add it there, or name another"
    if params.report.checkpoint not in params.grid.checkpoints:
        where = source.locate(("report", "checkpoint"))
        yield (
            f"{where}: {params.report.checkpoint!r} is not in grid.checkpoints; add it there, or name "
            "another"
        )
    if params.report.groups.head + params.report.groups.tail > 1:
        where = source.locate(("report", "groups"))
        yield f"{where}: head and tail together are more than all classes"

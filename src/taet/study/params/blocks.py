"""The blocks of params.yaml: their keys, types and ranges, and what single values may be."""

from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import BeforeValidator, Field, InstanceOf, Tag

from taet.decimals import RULE
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
    Positive,
    Share,
    Shares,
    Whole,
    one_or_several,
    parse_number,
)

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
    problem = ValueError(
        f"must be a number from 1 to {MAX_RATIO} in {RULE} (1:10 is written 10), or {NATURAL}"
    )
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
    """What is done to training images before they are attacked; see ``taet.data.augment``."""
    optimizer: Annotated[Sgd | Adam, Field(discriminator="kind")]
    schedule: Annotated[Multistep | Cosine, Field(discriminator="kind")]
    attack: TrainingAttack
    precision: Literal["fp32", "attack_bf16", "bf16"]
    """``attack_bf16``: the training attack in bfloat16, the update in float32; ``bf16``: both in bfloat16,
    with weights and losses in float32."""
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
    precision: Literal["fp32", "tf32", "bf16"]
    """In which attacks look for images: in float32; on a GPU, with factors rounded to TF32 (a CPU does not
    know it and computes in float32); or in bfloat16. Whether an image fools the model is always found out in
    float32, so that less than float32 can only find less."""


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
    images_per_class: Annotated[Count, Field(ge=2)]
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
    return with_own(params.longtail, params.datasets[dataset].longtail)


def training_of(params: Params, method: str) -> Training:
    """The block ``training`` with what the method does differently."""
    return with_own(params.training, params.methods[method].training)


def with_own(common: Block, own: dict[str, Any] | None) -> Block:
    """A common block with what a plugin's block says differently.

    Raises:
        ValidationError: together they are no valid block.
    """
    return common if own is None else type(common).model_validate(own_values(common, own))


def own_values(common: Options, own: dict[str, Any]) -> dict[str, Any]:
    """Values of a common block, with those that a plugin's block says differently; not checked."""
    values: dict[str, Any] = merged(common.model_dump(), own)
    return values


def merged(base: Any, top: Any) -> Any:
    """``top`` over ``base``: mappings of one ``kind`` merge, anything else replaces."""
    if not (isinstance(base, dict) and isinstance(top, dict)):
        return top
    if top.get("kind", base.get("kind")) != base.get("kind"):
        return top
    return base | {key: merged(base.get(key), value) for key, value in top.items()}

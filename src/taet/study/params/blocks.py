"""The blocks of params.yaml: their keys, types and ranges, and what single values may be."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, InstanceOf, Tag

from taet.decimals import RULE
from taet.longtail_options import Longtail
from taet.options import (
    AttackOptions,
    Count,
    DatasetOptions,
    Label,
    MethodOptions,
    ModelOptions,
    Name,
    Options,
    PixelDistance,
    Positive,
    Share,
    Whole,
)
from taet.training_options import Training
from taet.values import one_or_several, parse_number

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
        raise ValueError("must have at most 6 significant digits, since it is part of paths")
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


def imbalance_ratio_label(ratio: float | str) -> str:
    """An imbalance ratio as paths and tables show it: ``10``, ``33.3``, ``natural``."""
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


class Download(Options):
    """Source of data sets; no result depends on it."""

    not_in_keys: ClassVar[frozenset[str]] = frozenset({"mirror"})

    mirror: str | None
    """Folder or address that holds the official files; null fetches them from their own address.
    The environment variable TAET_DATA_MIRROR comes before it."""


class Threat(Options):
    """What the adversary may do, in training and in evaluation."""

    eps: PixelDistance
    """Largest L-inf norm of the perturbation, in the [0,1] pixel range."""


class Stabilization(Options):
    """A stage 1: another method, stopped early. Methods that name the same stage 1 share its checkpoint."""

    method: Name
    """``clean`` for cross-entropy on clean images, ``pgd_at`` on adversarial ones."""
    epochs: Count
    """How many of the method's epochs it takes."""
    after: Name | None = None
    """A shorter stage 1 of the same method, from which this one continues: no epoch is trained twice."""


class EvaluationOptions(Options):
    """How checkpoints are attacked."""

    batch_size: Count
    precision: Literal["fp32", "tf32", "bf16"]
    """Number format in which attacks search: float32; on a GPU, float32 with factors rounded to TF32 (a CPU
    computes in float32); or bfloat16. Whether an image fools the model is always decided in float32, so lower
    precision can only make an attack weaker."""


class Compute(Options):
    """How computations are done: it decides the last bits of a result."""

    threads: Annotated[Count, Field(le=1024)]
    """Threads of a training or attack job. Another number gives other last bits."""
    device: Literal["cpu", "cuda"]
    """Where networks are trained and attacked. ``cuda`` is the GPU with the fewest of our processes, among
    those that CUDA_VISIBLE_DEVICES leaves visible. Another device gives other last bits, and other draws of
    attack noise."""
    processes: Annotated[Count, Field(le=1024)]
    """Processes that train one network together, each on its share of every batch; on GPUs, one for each."""
    sync_batch_norm: bool
    """With several processes: batch norm's statistics are those of the whole batch, as with one process, or
    those of each share."""


class Groups(Options):
    """Head and tail classes: shares of all classes, ranked by training counts; medium is the rest."""

    head: Annotated[Share, Field(gt=0)]
    tail: Annotated[Share, Field(gt=0)]


class WorstCase(Options):
    """A column of its own: an image is robust if it survives several attacks."""

    not_in_keys: ClassVar[frozenset[str]] = frozenset({"label"})

    label: Label
    """Name printed in tables and figures."""
    attacks: Annotated[
        Annotated[Literal["all"], Tag("one")]
        | Annotated[list[Name], Field(min_length=1), Tag("several")],
        one_or_several,
    ]
    """Attacks of the grid; ``all``: every one in the L-inf ball of ``threat``."""


class Inspection(Options):
    """Which classes and images of the networks of the first seed are shown."""

    classes: Count
    """How many of the rarest classes."""
    images_per_class: Annotated[Count, Field(ge=2)]
    """Test images whose features are shown; the first of them is shown under attack."""
    perplexity: Positive
    """Of t-SNE: about how many neighbours count for a point; at most a third of the images."""


class Report(Options):
    """What tables and figures show."""

    test_set: Literal["balanced", "long_tailed"]
    """Test set of the main table and the figures; metrics.csv has both."""
    checkpoint: Literal["last", "best"]
    """Weights of the main table and the figures; metrics.csv has all of ``grid.checkpoints``."""
    headline_attack: Name
    """Attack of the headline numbers, and of confusions and images, which are of one attack alone."""
    figure_attack: Name
    """Attack or worst case of all other figures."""
    confidence: Annotated[Share, Field(gt=0, lt=1)]
    """Level of the intervals over seeds."""
    bootstrap: Count
    """Draws of the bootstrap over seeds and images."""
    worst_cases: dict[Name, WorstCase]
    """Columns after those of the attacks; PGD on cross-entropy alone flatters some methods."""
    groups: Groups
    inspection: Inspection


class ClaimedData(Options):
    """Where the protocol of claims differs for one data set; null for the common value."""

    eps: PixelDistance | None = None
    """Radius of the L-inf ball."""
    class_order: Literal["label", "reversed", "size"] | None = None
    """Classes from head to tail; see ``longtail``."""
    head_images: Count | None = None
    """Training images of the head class."""
    test_per_class: Count | None = None
    """Test images of each class."""


class ClaimOptions(Options):
    """The protocol of claims: how a model of anyone's is tested, so that claims can be compared."""

    protocol: Name
    """Name of the protocol."""
    version: Count
    """Claims of different versions are not compared."""
    attacks: Annotated[list[Name], Field(min_length=1)]
    """Attacks by their names under ``attacks``, all in the L-inf ball; the worst case is over all of them."""
    eps: PixelDistance
    """Radius of the L-inf ball."""
    step_share: Annotated[Share, Field(gt=0)]
    """Length of a step of attacks by gradient steps, relative to the radius."""
    seed: Whole
    """Of the split, of the attacks' random starts and of the bootstrap."""
    confidence: Annotated[Share, Field(gt=0, lt=1)]
    """Level of the intervals."""
    bootstrap: Count
    """Draws of the bootstrap over images."""
    groups: Groups
    datasets: dict[Name, ClaimedData]
    """What differs for a data set."""


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
    evaluation: EvaluationOptions
    compute: Compute
    report: Report
    claim: ClaimOptions

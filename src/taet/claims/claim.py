"""The file of a claim: JSON with everything that its numbers can be computed from again. No torch.

``correct`` has one bit for each test image, by attack, ``clean`` among them: whether the image is classified
correctly. Images come class by class (``test_counts`` has the number of each), in each class by number in the
data set; eight to a byte, the first in the highest bit, as hexadecimal digits. ``long_tailed`` likewise says
which images are in the long-tailed test set. ``digest`` is the hash of all else in the file.
"""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, TypeAdapter, ValidationError

from taet.errors import UserError, shortened
from taet.scores.bits import from_hex
from taet.scores.metrics import Array
from taet.study.params.blocks import ImbalanceRatio
from taet.study.store import artifacts
from taet.values import Count, Label, Name, Options, Whole

FORMAT = 1  # of the file
LARGEST = 20_000_000  # bytes; a claim on 10,000 images has some ten thousand

_NAME: TypeAdapter[str] = TypeAdapter(Label)
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Bits = Annotated[str, Field(pattern="^([0-9a-f]{2})+$")]
ShareOrNone = Annotated[float, Field(ge=0, le=1)] | None


class Interval(Options):
    """A share in [0,1] with its interval; null where no class has an image."""

    value: ShareOrNone
    low: ShareOrNone
    high: ShareOrNone


class Scores(Options):
    """Numbers under one attack; see ``taet.claims.numbers``."""

    images: Count
    accuracy: Interval
    balanced_accuracy: Interval
    tail: Interval
    worst_class: Interval


class Numbers(Options):
    """Scores of each attack, of ``clean`` and of ``worst``, on both test sets."""

    balanced: dict[Name, Scores]
    long_tailed: dict[Name, Scores]


class Images(Options):
    """Which images the numbers are of."""

    digest: Digest
    test_counts: Annotated[list[Count], Field(min_length=2)]
    train_counts: Annotated[list[Whole], Field(min_length=2)]
    long_tailed: Bits


class Weights(Options):
    """Which network it is."""

    digest: Digest
    parameters: Whole


class Claim(Options):
    """A claim, as its file has it."""

    format: Literal[1]
    name: Label
    dataset: Name
    imbalance_ratio: ImbalanceRatio
    protocol: dict[str, Any]
    weights: Weights
    passes: Annotated[float, Field(gt=0)] | None
    images: Images
    correct: dict[Name, Bits]
    numbers: Numbers
    warnings: list[str]
    made_with: dict[str, str]
    digest: Digest

    @property
    def label(self) -> Array:
        """[N] true classes of the test images."""
        return np.repeat(np.arange(len(self.images.test_counts)), self.images.test_counts)

    def bits(self, text: str) -> Array:
        """[N] bool, one of each image, from hexadecimal digits of the right length."""
        return from_hex(text, sum(self.images.test_counts))


def checked_name(name: str) -> str:
    """The name of a model, as tables can print it.

    Raises:
        UserError: it is too long, or has characters that cannot be printed everywhere.
    """
    try:
        return _NAME.validate_python(name)
    except ValidationError as error:
        raise UserError(f"--name {shortened(name)!r}: {_text(error.errors()[0])}") from None


def digest_of(contents: dict[str, Any]) -> str:
    """Hash of the contents of a file, but for the digest in it."""
    return artifacts.digest({}, {name: v for name, v in contents.items() if name != "digest"})


def write(path: Path, contents: dict[str, Any]) -> None:
    """Write a claim, which gets its digest here."""
    whole = {**contents, "digest": digest_of(contents)}
    Claim.model_validate(whole)
    artifacts.write_json(path, whole)


def read(path: Path) -> tuple[Claim, dict[str, Any]]:
    """A claim of the right form, and its contents as the file has them; nothing else is checked.

    Raises:
        UserError: it is missing, cut off, no JSON, or of another form.
    """
    try:
        data = artifacts.read_bytes(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        if len(data) > LARGEST:
            raise UserError(f"{path}: {len(data)} bytes; a claim has at most {LARGEST}")
        contents = json.loads(
            data, object_pairs_hook=_without_repetition, parse_constant=_refuse_constant
        )
        return Claim.model_validate(contents), contents
    except ValidationError as error:
        raise UserError(f"{path}: {_first_problem(error)}") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: damaged or cut off, no JSON ({shortened(str(error))})") from None


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON; a name that is there twice would hide a value from some readers."""
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("a name is there twice in one object")
    return values


def _refuse_constant(name: str) -> None:
    """NaN and infinity, which Python reads and JSON has not."""
    raise ValueError(f"{name} is no number of JSON")


def _first_problem(error: ValidationError) -> str:
    """In one line: where, what, and the value."""
    problem = error.errors()[0]
    where = ".".join(map(str, problem["loc"])) or "file"
    if problem["type"] == "extra_forbidden":
        return f"{where}: unknown field"
    if problem["type"] == "missing":
        return f"{where}: missing"
    return f"{where}: {_text(problem)}, got {shortened(repr(problem['input']))}"


def _text(problem: Any) -> str:
    """What pydantic says of a value, as the rest of a line."""
    text: str = problem["msg"].removeprefix("Value error, ")
    return text[0].lower() + text[1:]

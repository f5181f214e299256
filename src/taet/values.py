"""What a value in params.yaml may be: numbers, shares, pixel distances, names, labels.

No class here carries a default number: numbers live in params.yaml.
"""

from fractions import Fraction
from typing import Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
)

from taet.characters import LAST_CHARACTER
from taet.decimals import RULE, is_decimal


def parse_number(value: Any) -> Any:
    """Turn ``"8/255"`` and ``"4e-3"`` (text in YAML 1.1) into a float; leave the rest alone.

    Raises:
        ValueError: the text is no number or fraction.
    """
    if not isinstance(value, str):
        return value
    try:
        numerator, *denominators = map(_decimal, value.split("/", 1))
        if not denominators:
            return float(numerator)
        if denominators[0] <= 0:
            raise ValueError("no such fraction")
        return float(numerator / denominators[0])
    except (ValueError, OverflowError):
        raise ValueError(f"must be a number or a fraction such as 8/255, in {RULE}") from None


def _decimal(text: str) -> Fraction:
    if not is_decimal(text.strip()):
        raise ValueError("not in plain decimals")
    return Fraction(text)


Number = Annotated[float, BeforeValidator(parse_number)]
Positive = Annotated[Number, Field(gt=0)]
NonNegative = Annotated[Number, Field(ge=0)]
Share = Annotated[Number, Field(ge=0, le=1)]
PixelDistance = Annotated[
    Number, Field(gt=0, lt=1, description="in units of the [0,1] pixel range")
]


def _one_or_several(value: Any) -> str:
    return "several" if isinstance(value, list) else "one"


# A list or not decides, so that a wrong value is one problem and not one for each alternative.
one_or_several = Discriminator(_one_or_several)
Shares = Annotated[
    Annotated[Share, Tag("one")] | Annotated[list[Share], Tag("several")], one_or_several
]


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be one line of characters that can be printed")
    if text.startswith("_") or "$" in text or any(ord(c) > LAST_CHARACTER for c in text):
        raise ValueError(
            "must be of Latin letters (up to U+00FF), without $, and not begin with _: LaTeX or matplotlib "
            "would not print it as it is"
        )
    return text


Label = Annotated[str, Field(min_length=1, max_length=60), AfterValidator(_one_line)]
Whole = Annotated[int, Field(ge=0, lt=2**31)]
Count = Annotated[int, Field(ge=1, lt=2**31)]
# torch 2.14 writes beyond its memory in the gradient of a strided 1x1 convolution of 1, 2, 4 or 6 channels
# in channels-last layout, on a CPU.
ResidualWidth = Annotated[int, Field(ge=8, lt=2**31)]
# Names become parts of paths, file names of plugins and wildcards: nothing that could leave a folder.
LONGEST_NAME = 40  # characters
NAME_PATTERN = rf"^[a-z][a-z0-9_]{{0,{LONGEST_NAME - 1}}}$"
Name = Annotated[str, Field(pattern=NAME_PATTERN)]


class Options(BaseModel):
    """A block of params.yaml: unknown keys, wrong types, NaN and infinity are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    not_in_keys: ClassVar[frozenset[str]] = frozenset()
    """Fields that change no artifact, such as labels; all others are part of a job's key."""

"""How a number may be written: in plain decimals, as in JSON, which every program reads alike.

YAML 1.1 allows more: ``1:10`` is 70, ``010`` is 8, ``1_000`` is 1000. Python's ``float`` takes ``1_0`` and
``inf``. Length and exponent are limited: ``1/1e9999999`` would take minutes to compute.
"""

import re

_DIGITS = 40  # before the point, and after it
_INTEGER = rf"-?(0|[1-9][0-9]{{0,{_DIGITS - 1}}})"
DECIMAL = rf"{_INTEGER}(\.[0-9]{{1,{_DIGITS}}})?([eE][-+]?[0-9]{{1,3}})?"
RULE = f"plain decimals of at most {_DIGITS} digits, such as 10, 0.5 or 5e-4"


def is_integer(text: str) -> bool:
    """Whether a text is a whole number in plain decimals."""
    return re.fullmatch(_INTEGER, text) is not None


def is_decimal(text: str) -> bool:
    """Whether a text is a number in plain decimals."""
    return re.fullmatch(DECIMAL, text) is not None

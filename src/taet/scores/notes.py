"""Warnings as one field of a table: one a line, so that no text of a warning can be taken for two."""

from collections.abc import Iterable


def join(warnings: Iterable[str]) -> str | None:
    """Each warning once, on a line of its own; None where there are none."""
    return "\n".join(dict.fromkeys(" ".join(text.split()) for text in warnings)) or None


def split(field: object) -> list[str]:
    """The warnings of a field; of an empty one (None, NaN) none."""
    return field.split("\n") if isinstance(field, str) else []

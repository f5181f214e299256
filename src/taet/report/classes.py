"""How figures call classes: by name if the font has all names and they differ, otherwise by number.

The font is the one that ships with matplotlib. A font that is installed on one machine only would give other
bytes of one key elsewhere; tables and CSV files have every name.
"""

import unicodedata
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib
import pandas as pd
from matplotlib.ft2font import FT2Font

FONTS = ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf")
MOST = 14  # characters of a name below an image


def class_texts(
    rows: pd.DataFrame, about: Mapping[str, Any], most: int | None = None
) -> tuple[str, dict[str, str]]:
    """How a figure calls its classes: ``Class`` or ``Class number``, and the text for each name in its rows.

    Args:
        rows: with ``class_name``, ``class_index``, and ``clean`` and ``attacked``, which are names too.
        about: its ``classes``, if there, are the numbers of all classes of the data set by name.
        most: characters that there is room for; longer names are cut.
    """
    numbers = dict(zip(rows["class_name"], rows["class_index"], strict=True))
    numbers |= about.get("classes", {})
    names = dict.fromkeys([*numbers, *rows.get("clean", []), *rows.get("attacked", [])])
    texts = {name: _cut(unicodedata.normalize("NFC", name), most) for name in names}
    if all(map(_can_be_drawn, texts.values())) and len(set(texts.values())) == len(texts):
        return "Class", texts
    return "Class number", {name: str(numbers.get(name, "?")) for name in names}


def _cut(name: str, most: int | None) -> str:
    return name if most is None or len(name) <= most else f"{name[: most - 1].rstrip()}…"


def _can_be_drawn(text: str) -> bool:
    """Whether the fonts of figures, plain and bold, have every character."""
    return all(set(map(ord, text)) <= characters for characters in map(_characters, FONTS))


@cache
def _characters(font: str) -> frozenset[int]:
    file = Path(matplotlib.get_data_path(), "fonts/ttf", font)
    return frozenset(FT2Font(str(file)).get_charmap())

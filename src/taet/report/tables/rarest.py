"""The classes with the fewest training images, one by one."""

from collections.abc import Sequence

import pandas as pd

from taet.report.tables.cells import ranks
from taet.report.tables.setting import SettingResults
from taet.report.tables.table_note import meaning_of_marks
from taet.report.typeset import NONE, Mark, Table

CLASSES_IN_TABLE = 10


def rarest_table(setting: SettingResults, attacks: Sequence[str]) -> Table:
    """Accuracy in each of the classes with the fewest training images."""
    single = setting.rows[setting.rows["scope"] == "class"]
    classes = single.groupby("class_index")["train_images"].mean().sort_values(kind="stable")
    chosen = list(classes.index[: min(len(classes) // 2, CLASSES_IN_TABLE)])[::-1]
    names = single.drop_duplicates("class_index").set_index("class_index")["class_name"]
    values = single.set_index(["method", "attack", "class_index"])
    labels = {"clean": "clean", **setting.shown["labels"]["attacks"]}
    columns = [(attack, c) for attack in attacks for c in chosen]
    rows = [[label] for label in setting.methods.values()]
    marks: dict[tuple[int, int], Mark] = {}
    for column, (attack, c) in enumerate(columns, 1):
        means = [values.loc[(method, attack, c), "accuracy"] for method in setting.methods]
        spreads = [values.loc[(method, attack, c), "accuracy_sd"] for method in setting.methods]
        ranked = setting.ranked(list(setting.methods), means)
        marks |= {(row, column): mark for row, mark in ranks(ranked).items()}
        for row, mean, sd in zip(rows, means, spreads, strict=True):
            row.append(_share(mean, sd))
    head = ["Method", *(f"{labels[attack]}: {names[c]}" for attack, c in columns)]
    images = ", ".join(f"{names[c]} ({classes[c]:,.0f})" for c in chosen)
    spread = (
        f"mean ± standard deviation over n = {setting.seeds} seeds"
        if setting.seeds > 1
        else "n = 1 seed"
    )
    which = f"{len(chosen)} classes" if len(chosen) > 1 else "class"
    note = (
        f"Accuracy of each class in %, {spread}. The {which} with the fewest training images (their "
        f"number): {images}. {meaning_of_marks(setting)}"
    ).rstrip()
    return Table(setting.title, "the rarest classes", note, head, rows, marks)


def _share(mean: float, sd: float) -> str:
    """In per cent; ``NONE`` of a class without test images."""
    if pd.isna(mean):
        return NONE
    return f"{100 * mean:.1f}" + ("" if pd.isna(sd) else f" ± {100 * sd:.1f}")

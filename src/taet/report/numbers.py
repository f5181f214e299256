"""Every number of a study as data for the table of the page, which shows what a reader selects."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from taet.axes import SETTING
from taet.report.figures.per_class import MOST_CLASSES
from taet.report.tables.cells import accuracy_text, difference_text
from taet.report.tables.methods import column_cells
from taet.report.tables.rarest import CLASSES_IN_TABLE
from taet.report.tables.setting import SCOPES, Column, SettingResults
from taet.report.tables.table_note import CHECKPOINT_TITLES
from taet.report.titles import ratio_title
from taet.scores.files import Scored
from taet.scores.summary import title_of_test_set

ACCURACY = "accuracy"  # a scope: all images count alike, of whichever class
SELECTED = (*SETTING, "checkpoint", "test_set", "attack", "scope")
Numbers = dict[str, list[list[Any]]]


def page_data(
    results: Sequence[SettingResults],
    scored: Scored,
    shown: Mapping[str, Any],
    seeds: Sequence[int],
) -> dict[str, Any]:
    """The numbers, the axes that they are selected by, and what is shown first."""
    report, labels, costs = shown["report"], shown["labels"]["methods"], shown["costs"]
    return {
        "axes": axes(scored.summary, shown),
        "own_axes": own_axes(scored.summary),
        "shown": {
            "checkpoint": report.checkpoint, "test_set": report.test_set, "attack": report.figure_attack,
        },
        "methods": [[method, label, f"{costs[method]:,.0f}"] for method, label in labels.items()],
        "seeds": list(seeds),
        "columns": numbers(results, scored.metrics),
    }  # fmt: skip


def numbers(results: Iterable[SettingResults], metrics: pd.DataFrame) -> Numbers:
    """What the cells of each column hold, by the column's place on the axes ``SELECTED``, joined by ``/``.

    A column has a cell for each method: its text, ``best``, ``second`` or nothing, its difference to the best
    if there is one, and the values of the seeds, in per cent.

    Args:
        metrics: metrics.csv.
    """
    seeds = _values_of_seeds(metrics)
    columns: Numbers = {}
    for setting in results:
        for (checkpoint, test_set), _ in setting.summary.groupby(
            ["checkpoint", "test_set"], sort=False
        ):
            part = replace(setting, checkpoint=checkpoint, test_set=test_set)
            for (attack, scope), rows in _columns(part):
                name = "/".join([*setting.cell, checkpoint, test_set, attack, scope])
                by_method = {row["method"]: row for row in rows}
                ordered = {method: by_method[method] for method in setting.methods}
                values = [seeds[name, method] for method in ordered]
                columns[name] = [
                    [*cell, of_seeds]
                    for cell, of_seeds in zip(
                        _cells(part, ordered, attack, scope), values, strict=True
                    )
                ]
    return columns


def _columns(setting: SettingResults) -> Iterator[tuple[tuple[str, str], list[dict[str, Any]]]]:
    """Rows of the summary by attack and scope; single classes are scopes too."""
    columns: dict[tuple[str, str], list[dict[str, Any]]] = {}
    rows = setting.rows
    shown = (rows["scope"] != "class") | rows["class_index"].isin(_classes(setting.summary))
    for row in rows[shown].to_dict("records"):
        columns.setdefault((row["attack"], _scope(row)), []).append(row)
        if row["scope"] == "all":
            columns.setdefault((row["attack"], ACCURACY), []).append(row)
    yield from columns.items()


def _classes(rows: pd.DataFrame) -> dict[str, str]:
    """Names of the classes that are shown one by one, by their numbers."""
    single = rows[rows["scope"] == "class"]
    counts = single.groupby("class_index", sort=False)["train_images"].mean()
    if len(counts) > MOST_CLASSES:
        rarest = counts.sort_values(kind="stable").index[:CLASSES_IN_TABLE]
        single = single[single["class_index"].isin(rarest)]
    return dict(zip(single["class_index"], single["class_name"], strict=True))


def _scope(row: Mapping[str, Any]) -> str:
    return f"class {row['class_index']}" if row["scope"] == "class" else str(row["scope"])


def _cells(
    setting: SettingResults, rows: Mapping[str, Any], attack: str, scope: str
) -> Iterator[tuple[str, str, str]]:
    if scope == ACCURACY:
        confidence = setting.shown["report"].confidence
        yield from ((accuracy_text(row, confidence), "", "") for row in rows.values())
        return
    for cell in column_cells(setting, rows, Column(attack, scope)):
        to_best = "" if cell.to_best is None else difference_text(cell.to_best)
        yield cell.text, cell.mark or "", to_best


def _values_of_seeds(metrics: pd.DataFrame) -> dict[tuple[str, str], list[float | None]]:
    """By column and method: balanced accuracy with each seed in per cent, None without test images."""
    values: dict[tuple[str, str], list[float | None]] = {}
    for row in metrics.to_dict("records"):
        about = [str(row[axis]) for axis in SELECTED[:-1]]
        scopes = {_scope(row): "balanced_accuracy"} | (
            {ACCURACY: "accuracy"} if row["scope"] == "all" else {}
        )
        for scope, metric in scopes.items():
            share = row[metric]
            values.setdefault(("/".join([*about, scope]), row["method"]), []).append(
                None if math.isnan(share) else round(100 * share, 1)
            )
    return values


def axes(summary: pd.DataFrame, shown: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Values of every axis with their titles, in the order of the grid; see also ``own_axes``."""
    labels = shown["labels"]
    return {
        "dataset": labels["datasets"],
        "imbalance_ratio": {
            ratio: ratio_title(ratio) for ratio in summary["imbalance_ratio"].unique()
        },
        "architecture": labels["architectures"],
        "checkpoint": {
            c: CHECKPOINT_TITLES[c].partition(",")[0] for c in summary["checkpoint"].unique()
        },
        "attack": {"clean": "Clean images", **labels["attacks"]},
    }


def own_axes(summary: pd.DataFrame) -> dict[str, dict[str, dict[str, str]]]:
    """By data set, the axes of which each has values of its own: test sets, and groups of classes."""
    result = {}
    for dataset, rows in summary.groupby("dataset", sort=False):
        test_sets = {name: title_of_test_set(rows, name) for name in rows["test_set"].unique()}
        groups = {"all": "All classes"} | {
            scope: f"{title.capitalize()}{'' if scope == 'worst_class' else ' classes'}"
            for scope, title in SCOPES.items()
            if scope in set(rows["scope"])
        }
        single = {f"class {number}": f"Class {name}" for number, name in _classes(rows).items()}
        scopes = groups | {ACCURACY: "All images (accuracy)"} | single
        result[str(dataset)] = {"test_set": test_sets, "scope": scopes}
    return result

"""The few numbers that must not move unnoticed."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from taet.axes import METHOD_IN_SETTING, name_parts
from taet.scores.summary import of_groups, shown_rows


def headline(summary: pd.DataFrame, shown: Mapping[str, Any]) -> dict[str, Any]:
    """The few numbers that must not move unnoticed, in per cent, nested for ``dvc metrics``.

    Test set, data set, imbalance ratio, architecture, method, metric.
    """
    report = shown["report"]
    attack = report.headline_attack
    rows = of_groups(shown_rows(summary, report))
    picked = rows.set_index([*METHOD_IN_SETTING, "attack", "scope"])["balanced_accuracy"]
    result: dict[str, Any] = {}
    for cell in dict.fromkeys(picked.index.droplevel([4, 5])):
        dataset, ratio, architecture, method = name_parts(
            dict(zip(METHOD_IN_SETTING, cell, strict=True))
        )
        numbers = {
            "BA": picked[(*cell, "clean", "all")],
            f"BR_{attack}": picked[(*cell, attack, "all")],
            **{f"BR_{name}": picked[(*cell, name, "all")] for name in report.worst_cases},
        }
        if (*cell, attack, "tail") in picked.index:
            numbers[f"tail_BR_{attack}"] = picked[(*cell, attack, "tail")]
        methods = (
            result.setdefault(report.test_set, {})
            .setdefault(dataset, {})
            .setdefault(ratio, {})
            .setdefault(architecture, {})
        )
        methods[method] = {name: round(100 * float(value), 3) for name, value in numbers.items()}
    return result


def headline_rows(numbers: Mapping[str, Any], attack: str) -> list[dict[str, Any]]:
    """The same numbers for ``dvc plots``: a row for each cell, in the columns BA, BR and tail_BR.

    Args:
        numbers: see ``headline``.
        attack: that BR is under.
    """
    titles = {"BA": "BA", f"BR_{attack}": "BR", f"tail_BR_{attack}": "tail_BR"}
    return [
        {"cell": f"{dataset} {imbalance_ratio} {architecture} {method}"}
        | {title: values.get(name) for name, title in titles.items()}
        for datasets in numbers.values()
        for dataset, ratios in datasets.items()
        for imbalance_ratio, architectures in ratios.items()
        for architecture, methods in architectures.items()
        for method, values in methods.items()
    ]

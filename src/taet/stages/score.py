"""Stage ``score``: all predictions of the study as one tidy metrics.csv.

Columns: ``dataset``, ``imbalance_ratio``, ``architecture``, ``method``, ``seed``, ``view``, then those
of ``taet.metrics.scores``. Accuracies are shares in [0,1]; ``_se`` is the standard error that comes
from the finite test view. Both test views come from the same predictions, since the long-tailed view
is a part of the balanced one.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from taet import artifacts
from taet.errors import UserError
from taet.metrics import class_groups, scores
from taet.summary import KEYS

if TYPE_CHECKING:
    from taet.jobs import Job


def run(job: "Job") -> dict[str, Any]:
    """Write metrics.csv, rows in the order of the grid."""
    table = pd.DataFrame(row for attack in job.inputs.values() for row in _rows(job, attack))
    table = _once(table)
    table["class_index"] = table["class_index"].astype("Int64")
    text = table.to_csv(index=False, float_format="%.6f", lineterminator="\n")
    artifacts.write_bytes(job.files[0], text.encode())
    artifacts.write_manifest(job.output.parent, job.key, [file.name for file in job.files])
    return {"rows": len(table)}


def _once(table: pd.DataFrame) -> pd.DataFrame:
    """The table with each number once: the clean predictions of a model stand in all its files.

    Raises:
        UserError: two files disagree about them.
    """
    table = table.drop_duplicates()
    twice = table[table.duplicated([*KEYS, "seed"])]
    if len(twice):
        row = twice.iloc[0]
        raise UserError(
            f"two attacks of one model disagree about its {row['attack']} predictions: "
            f"{row['dataset']} ir{row['imbalance_ratio']} {row['architecture']} {row['method']} "
            f"seed{row['seed']}; delete their files and run again"
        )
    return table


def _rows(job: "Job", attack: "Job") -> Iterator[dict[str, Any]]:
    """Rows of one file of predictions, for both views."""
    if attack.stage != "attack":
        return
    arrays, _ = artifacts.read_arrays(attack.output, attack.key)
    split_job = attack.inputs["split"]
    split, facts = artifacts.read_arrays(split_job.output, split_job.key)
    groups = job.reads["groups"]
    members = class_groups(facts["class_counts"], groups.head, groups.tail)
    cell = {
        "dataset": attack.cell["dataset"],
        "imbalance_ratio": attack.cell["ir"],
        "architecture": attack.cell["architecture"],
        "method": attack.cell["method"],
        "seed": attack.cell["seed"],
    }
    predictions = {"clean": arrays["clean"]} | {
        name.removesuffix("/prediction"): values
        for name, values in sorted(arrays.items(), key=lambda item: _order(attack, item[0]))
        if name.endswith("/prediction")
    }
    long_tailed = np.isin(arrays["index"], split["test_long_tailed"])
    for view, kept in (("balanced", np.ones_like(long_tailed)), ("long_tailed", long_tailed)):
        for row in scores(
            {name: values[kept] for name, values in predictions.items()},
            arrays["label"][kept],
            facts["class_counts"],
            facts["class_names"],
            members,
        ):
            yield {**cell, "view": view, **row}


def _order(attack: "Job", name: str) -> int:
    """Attacks in the order of the grid, not of the alphabet."""
    return list(attack.reads["attacks"]).index(name.split("/")[0]) if "/" in name else -1

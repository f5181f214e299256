"""Stage ``score``: all predictions of the study as two tidy tables.

metrics.csv: ``dataset``, ``imbalance_ratio``, ``architecture``, ``method``, ``seed``, ``view``, then the
columns of ``taet.metrics.scores``, then of each attack its ``norm``, its ``eps`` (empty: not bounded) and its
``warnings``. Accuracies are shares in [0,1]; ``_se`` is the standard error that comes from the finite test
view. Both test views come from the same predictions, since the long-tailed view is a part of the balanced
one. Worst cases over several attacks stand beside the attacks.

contrasts.csv: every pair of methods at every place, in both views, clean, under the headline attack and in
the worst cases, for all and for tail classes: ``dataset``, ``imbalance_ratio``, ``architecture``, ``view``,
then the columns of ``taet.compare.contrasts``.
"""

from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from taet import artifacts
from taet.compare import Seed, contrasts
from taet.metrics import scores
from taet.seeds import seed_for
from taet.stages._predictions import Predictions, read_predictions

if TYPE_CHECKING:
    from taet.jobs import Job

PLACE = ("dataset", "ir", "architecture")
MODEL = (*PLACE, "method", "seed")
CSV = {"index": False, "float_format": "%.6f", "lineterminator": "\n"}


def run(job: "Job") -> dict[str, Any]:
    """Write both tables, rows in the order of the grid."""
    attacks = [needed for needed in job.inputs.values() if needed.stage == "attack"]
    models = [
        read_predictions(job, list(of_model))
        for _, of_model in groupby(attacks, lambda attack: [attack.cell[axis] for axis in MODEL])
    ]
    metrics = pd.DataFrame(row for model in models for row in _rows(model))
    metrics["class_index"] = metrics["class_index"].astype("Int64")
    compared = pd.DataFrame(
        row
        for _, there in groupby(models, lambda model: [model.cell[axis] for axis in PLACE])
        for row in _contrasts(job, list(there))
    )
    if len(compared):
        compared["seeds_needed"] = compared["seeds_needed"].astype("Int64")
    for file, table in zip(job.files, (metrics, compared), strict=True):
        artifacts.write_bytes(file, table.to_csv(**CSV).encode())
    artifacts.write_manifest(job.output.parent, job.key, [file.name for file in job.files])
    return {"rows": len(metrics)}


def _named(cell: dict[str, Any], axes: tuple[str, ...]) -> dict[str, Any]:
    return {"imbalance_ratio" if axis == "ir" else axis: cell[axis] for axis in axes}


def _rows(model: Predictions) -> Iterator[dict[str, Any]]:
    """Rows of metrics.csv of one model, for both views."""
    for view, kept in model.views.items():
        for row in scores(
            {name: values[kept] for name, values in model.predicted.items()},
            {name: values[kept] for name, values in model.distance.items()},
            model.label[kept],
            model.class_counts,
            model.class_names,
            model.groups,
        ):
            said = model.facts[row["attack"]]
            yield {
                **_named(model.cell, MODEL),
                "view": view,
                **row,
                "norm": said["norm"],
                "eps": said["eps"],
                "warnings": "; ".join(said["warnings"]) or None,
            }


def _contrasts(job: "Job", models: list[Predictions]) -> Iterator[dict[str, Any]]:
    """Rows of contrasts.csv of one place, for both views."""
    methods = list(dict.fromkeys(model.cell["method"] for model in models))
    place = _named(models[0].cell, PLACE)
    for view in models[0].views if len(methods) > 1 else ():
        rng = np.random.default_rng(seed_for("bootstrap", view, *place.values()))
        rows = contrasts(
            _seeds(models, view, job.reads["compared"]),
            methods,
            job.reads["compared"],
            confidence=job.reads["confidence"],
            draws=job.reads["bootstrap"],
            rng=rng,
        )
        for row in rows:
            yield {**place, "view": view, **row}


def _seeds(models: list[Predictions], view: str, attacks: list[str]) -> dict[int, Seed]:
    """What the methods get right, seed by seed."""
    seeds = {}
    for number in dict.fromkeys(model.cell["seed"] for model in models):
        same = [model for model in models if model.cell["seed"] == number]
        kept, label = same[0].views[view], same[0].label
        everything = {"all": list(range(len(same[0].class_names)))}
        seeds[number] = Seed(
            labels=label[kept],
            correct={
                (model.cell["method"], attack): (model.predicted[attack] == label)[kept]
                for model in same
                for attack in attacks
            },
            scopes=everything | {k: v for k, v in same[0].groups.items() if k == "tail"},
        )
    return seeds

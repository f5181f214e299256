"""Stage ``score``: all predictions of the study, and how its networks learned, as tidy tables.

metrics.csv: ``dataset``, ``imbalance_ratio``, ``architecture``, ``method``, ``seed``, ``checkpoint``,
``test_set``, then the columns of ``taet.scores.metrics.scores``, then of each attack its ``norm``, its
``eps`` (empty: not bounded) and its ``warnings``, one a line. Accuracies are shares in [0,1]; ``_se`` is the
standard error that comes from the finite test set. Both test sets come from the same predictions, since the
long-tailed test set is a part of the balanced one. Worst cases over several attacks are rows like attacks.

summary.csv: the numbers of metrics.csv over seeds; columns: ``taet.scores.summary.over_seeds``, then
``bootstrap_low`` and ``bootstrap_high``, the bounds in intervals.csv.

differences.csv: every pair of methods, over all and over tail classes, with Tukey's intervals; columns:
``taet.scores.tukey.differences``. This file and summary.csv follow from the others as written, with six
digits, so that anyone can compute them again. They have all digits, so that a table rounds each number once.

intervals.csv: balanced accuracy of every method in every setting, on both test sets, clean and under every
attack and worst case, for all classes and each group, with the bootstrap over seeds and images: ``dataset``,
``imbalance_ratio``, ``architecture``, ``checkpoint``, ``test_set``, then the columns of
``taet.scores.bootstrap.intervals``.

contrasts.csv: every pair of methods, likewise, but for all and for tail classes only: the same columns first,
then those of ``taet.scores.bootstrap.contrasts``.

training.csv: a row for each epoch of each network: ``dataset``, ``imbalance_ratio``, ``architecture``,
``method``, ``seed``, ``epoch`` (from 1), ``stage`` (1 or 2), ``loss`` (mean), ``learning_rate`` (of the last
step), and ``validation_accuracy`` and ``validation_robustness`` (balanced, shares in [0,1]; empty where the
network was not measured).

confusion.csv: what each true class is taken for, clean and under the headline attack, on the test set and of
the checkpoint that are shown: ``dataset``, ``imbalance_ratio``, ``architecture``, ``method``, ``seed``,
``attack``, ``true``, ``predicted`` (class numbers; groups, where there are more than 20 classes), ``share``
of the images of the true class.

images.csv and correct.csv: one bit for each image and attack; see ``taet.scores.bits``.
"""

from collections.abc import Iterator
from io import BytesIO
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from taet.axes import MODEL, NETWORK, SETTING, SPLIT
from taet.scores import notes, tukey
from taet.scores.bits import correct_rows, image_rows
from taet.scores.bootstrap import Seed, contrasts, intervals, resample
from taet.scores.csv_bytes import DIGITS, csv_bytes
from taet.scores.metrics import scores
from taet.scores.predictions import Predictions, read_predictions
from taet.scores.summary import over_seeds, read_rows, with_bootstrap
from taet.seeds import seed_for
from taet.study.store import artifacts

if TYPE_CHECKING:
    from taet.study.plan.job import Job

FILES = (
    "metrics.csv",
    "summary.csv",
    "differences.csv",
    "intervals.csv",
    "contrasts.csv",
    "training.csv",
    "confusion.csv",
    "images.csv",
    "correct.csv",
)
Rows = list[dict[str, Any]]

MOST_CONFUSED = 20  # classes; with more, confusion is between groups
EPOCH = ("loss", "learning_rate", "validation_accuracy", "validation_robustness")


def run(job: "Job") -> dict[str, Any]:
    """Write the tables, rows in the order of the grid."""
    attacks = [needed for needed in job.inputs.values() if needed.stage == "attack"]
    networks = [needed for needed in job.inputs.values() if needed.stage == "equalize"]
    models = [
        read_predictions(job, list(of_model))
        for _, of_model in groupby(attacks, lambda attack: [attack.cell[axis] for axis in MODEL])
    ]
    metrics = pd.DataFrame(row for model in models for row in _rows(model))
    metrics["class_index"] = metrics["class_index"].astype("Int64")
    ranges, compared = [], []
    for _, of_setting in groupby(models, lambda model: [model.cell[axis] for axis in SETTING]):
        for _, alike in groupby(sorted(of_setting, key=_checkpoint), _checkpoint):
            for bounds, pairs in _bootstrapped(job, list(alike)):
                ranges += bounds
                compared += pairs
    learned = pd.DataFrame(row for network in networks for row in _epochs(network))
    shown = [model for model in models if _checkpoint(model) == job.reads["checkpoint"]]
    confused = pd.DataFrame(row for model in shown for row in _confusion(job, model))
    splits = {tuple(model.cell[axis] for axis in SPLIT): model for model in models}
    images = pd.DataFrame(row for model in splits.values() for row in image_rows(model))
    bits = (row for model in models for row in correct_rows(model, job.reads["worst_cases"]))
    correct = pd.DataFrame(bits)
    tables = {
        "metrics.csv": metrics,
        "intervals.csv": pd.DataFrame(ranges),
        "contrasts.csv": pd.DataFrame(compared),
        "training.csv": learned,
        "confusion.csv": confused,
        "images.csv": images,
        "correct.csv": correct,
    }
    contents = {name: csv_bytes(table, DIGITS) for name, table in tables.items()}
    contents |= summaries(
        contents["metrics.csv"], contents["intervals.csv"], job.reads["confidence"]
    )
    artifacts.write_files(job.output, job.key, job.files, contents)
    return {"rows": len(metrics)}


def summaries(metrics: bytes, intervals: bytes, confidence: float) -> dict[str, bytes]:
    """Contents of summary.csv and differences.csv.

    Args:
        metrics: contents of metrics.csv.
        intervals: contents of intervals.csv.
        confidence: level of the intervals over seeds.
    """
    rows = read_rows(BytesIO(metrics))
    summary = with_bootstrap(over_seeds(rows, confidence), read_rows(BytesIO(intervals)))
    return {
        "summary.csv": csv_bytes(summary),
        "differences.csv": csv_bytes(tukey.differences(rows, confidence)),
    }


def _named(cell: dict[str, Any], axes: tuple[str, ...]) -> dict[str, Any]:
    return {axis: cell[axis] for axis in axes}


def _checkpoint(model: Predictions) -> str:
    return str(model.cell["checkpoint"])


def _epochs(network: "Job") -> Iterator[dict[str, Any]]:
    """Rows of training.csv of one network."""
    _, facts = artifacts.read_arrays(network.output, network.key)
    inputs = network.inputs
    stabilization_epochs = inputs["stage1"].reads["stop"] if "stage1" in inputs else 0
    for epoch, measured in enumerate(facts["history"], 1):
        yield {
            **_named(network.cell, NETWORK),
            "epoch": epoch,
            "stage": 1 if epoch <= stabilization_epochs else 2,
            **{name: measured.get(name) for name in EPOCH},
        }


def _confusion(job: "Job", model: Predictions) -> Iterator[dict[str, Any]]:
    """Rows of confusion.csv of one model."""
    classes = len(model.class_names)
    bins = {str(c): [c] for c in range(classes)} if classes <= MOST_CONFUSED else model.groups
    bin_of = np.array([i for c in range(classes) for i, m in enumerate(bins.values()) if c in m])
    inside = model.test_sets[job.reads["test_set"]]
    true = bin_of[model.label[inside]]
    for attack in ("clean", job.reads["headline_attack"]):
        predicted = bin_of[model.predicted[attack][inside]]
        counts = np.bincount(true * len(bins) + predicted, minlength=len(bins) ** 2)
        matrix = counts.reshape(len(bins), len(bins))
        with np.errstate(invalid="ignore"):  # of a class without images: NaN
            shares = matrix / matrix.sum(1, keepdims=True)
        for (row, column), share in np.ndenumerate(shares):
            yield {
                **_named(model.cell, NETWORK),
                "attack": attack,
                "true": list(bins)[row],
                "predicted": list(bins)[column],
                "share": share,
            }


def _rows(model: Predictions) -> Iterator[dict[str, Any]]:
    """Rows of metrics.csv of one model, for both test sets."""
    for test_set, inside in model.test_sets.items():
        for row in scores(
            {name: values[inside] for name, values in model.predicted.items()},
            {name: values[inside] for name, values in model.distance.items()},
            model.label[inside],
            model.train_counts,
            model.class_names,
            model.groups,
        ):
            facts = model.facts[row["attack"]]
            yield {
                **_named(model.cell, MODEL),
                "test_set": test_set,
                **row,
                "norm": facts["norm"],
                "eps": facts["eps"],
                "warnings": notes.join(facts["warnings"]),
            }


def _bootstrapped(job: "Job", models: list[Predictions]) -> Iterator[tuple[Rows, Rows]]:
    """Rows of intervals.csv and contrasts.csv of one setting and checkpoint, for each test set."""
    reads, setting = job.reads, _named(models[0].cell, SETTING)
    for test_set in models[0].test_sets:
        seeds = _seeds(models, test_set)
        rng = np.random.default_rng(seed_for("bootstrap", test_set, *setting.values()))
        resampled = resample(seeds, reads["bootstrap"], rng)
        compared = {scope: resampled[scope] for scope in tukey.COMPARED if scope in resampled}
        pairs, level = list(seeds[0].correct), reads["confidence"]
        where = {**setting, "checkpoint": _checkpoint(models[0]), "test_set": test_set}
        yield (
            [where | row for row in intervals(resampled, pairs, level)],
            [where | row for row in contrasts(compared, pairs, level)],
        )


def _seeds(models: list[Predictions], test_set: str) -> list[Seed]:
    """What the methods get right, seed by seed, images in the order of the data set.

    In files they are in the order in which each seed has drawn them.
    """
    seeds = []
    for number in dict.fromkeys(model.cell["seed"] for model in models):
        same = [model for model in models if model.cell["seed"] == number]
        inside = np.flatnonzero(same[0].test_sets[test_set])
        images, label = inside[np.argsort(same[0].index[inside])], same[0].label
        everything = {"all": list(range(len(same[0].class_names)))}
        seeds.append(
            Seed(
                index=same[0].index[images],
                labels=label[images],
                correct={
                    (model.cell["method"], attack): (prediction == label)[images]
                    for model in same
                    for attack, prediction in model.predicted.items()
                },
                scopes=everything | same[0].groups,
            )
        )
    return seeds

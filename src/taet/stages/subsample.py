"""Stage ``subsample``: the long-tailed training set and the test views, as index lists.

Lists index the images of ``download``. Training lists of one seed are nested over imbalance ratios,
and so are the long-tailed test views, which are part of the balanced one.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from taet import artifacts
from taet.datasets._base import NO_SPLIT
from taet.errors import UserError
from taet.longtail import Indices, class_counts, permute_classes, take
from taet.seeds import seed_for

if TYPE_CHECKING:
    from taet.jobs import Job


def run(job: "Job") -> dict[str, Any]:
    """Write ``train``, ``test`` and ``test_long_tailed``, [n] int64 each."""
    images, facts = artifacts.read_arrays(job.inputs["images"].output, job.inputs["images"].key)
    classes = len(facts["class_names"])
    train, test = _pools(images, classes, job)
    ratio, profile = float(job.cell["ir"]), job.reads["longtail"].profile

    counts = class_counts(min(map(len, train)), ratio, classes, profile)
    test_counts = class_counts(min(map(len, test)), ratio, classes, profile)
    split = {
        "train": take(train, counts),
        "test": np.concatenate(test),
        "test_long_tailed": take(test, test_counts),
    }
    artifacts.write_arrays(
        job.output,
        split,
        job.key,
        class_names=facts["class_names"],
        class_counts=counts,
        test_counts={"balanced": [len(c) for c in test], "long_tailed": test_counts},
    )
    return {name: len(indices) for name, indices in split.items()}


def _pools(images: dict[str, Any], classes: int, job: "Job") -> tuple[list[Indices], list[Indices]]:
    """Images that may be used for training and for testing: per class, in this seed's order."""
    labels, official, dataset = images["labels"], images["official"], job.cell["dataset"]
    rng = np.random.default_rng(seed_for("split", dataset, job.cell["seed"]))
    if not (official == NO_SPLIT).all():
        raise UserError(f"{dataset}: data sets with official splits are not supported yet")
    permuted = permute_classes(labels, np.arange(len(labels)), classes, rng)
    held_out = job.reads["dataset"].test_per_class
    smallest = min(map(len, permuted))
    if smallest <= held_out:
        raise UserError(
            f"datasets.{dataset}.test_per_class: {held_out} leaves no training image in a class of "
            f"{smallest}; must be below {smallest}"
        )
    return [c[held_out:] for c in permuted], [c[:held_out] for c in permuted]

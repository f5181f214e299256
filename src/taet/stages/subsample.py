"""Stage ``subsample``: the long-tailed training set and the test sets, as index lists.

Lists index the images of ``download``. For one seed, training lists are nested over imbalance ratios,
and so are the long-tailed test sets, which are part of the balanced one.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from taet.data.imageset import VALIDATION
from taet.data.longtail import (
    head_sizes,
    hold_out,
    ldam_drw_order,
    left_over,
    long_tailed_counts,
    order_classes,
    pools,
    take,
)
from taet.seeds import seed_for
from taet.study.store import artifacts

if TYPE_CHECKING:
    from taet.study.plan.job import Job


def run(job: "Job") -> dict[str, Any]:
    """Write ``train``, ``validation``, ``test`` and ``test_long_tailed``, [n] int64 each.

    ``test`` is the set's own test set (balanced, where the set is); ``test_long_tailed`` is made as
    the training set is, and all of ``test`` where that has its natural imbalance. ``validation`` is the
    share of the long-tailed training images that the parameters hold back, those drawn from what the long
    tail leaves over, and the set's official validation images where it has some.
    """
    images, facts = artifacts.read_arrays(job.inputs["images"].output, job.inputs["images"].key)
    labels, official, longtail = images["labels"], images["official"], job.reads["longtail"]
    classes, seed = len(facts["class_names"]), job.cell["seed"]
    ratio = None if job.cell["imbalance_ratio"] == "natural" else float(job.cell["imbalance_ratio"])

    rng = np.random.default_rng(seed_for("split", job.cell["dataset"], seed))
    train, test = pools(labels, official, classes, longtail.test_per_class, rng)
    if longtail.selection == "ldam_drw":
        train = ldam_drw_order(train)
    sizes, test_sizes = [len(c) for c in train], [len(c) for c in test]
    order = order_classes(longtail.class_order, sizes, rng)
    head, test_head = head_sizes(sizes, test_sizes, longtail.head_images)
    counts = long_tailed_counts(sizes, head, ratio, longtail.profile, order, "training")
    test_counts = long_tailed_counts(test_sizes, test_head, ratio, longtail.profile, order, "test")
    held_out = hold_out(counts, longtail.validation_share)
    train_counts = [n - h for n, h in zip(counts, held_out, strict=True)]

    validation = np.concatenate(
        [
            take(train, counts, skip=train_counts),
            *left_over(train, counts, longtail.validation_per_class),
            np.flatnonzero(official == VALIDATION),
        ]
    )

    split = {
        "train": take(train, train_counts),
        "validation": validation,
        "test": np.concatenate(test),
        "test_long_tailed": take(test, test_counts),
    }
    artifacts.write_arrays(
        job.output,
        split,
        job.key,
        class_names=facts["class_names"],
        class_counts=train_counts,
        validation_counts=np.bincount(labels[validation], minlength=classes).tolist(),
        test_counts={"balanced": test_sizes, "long_tailed": test_counts},
    )
    return {name: len(indices) for name, indices in split.items()}

"""Stage ``subsample``: the long-tailed training set and the test sets, as index lists.

Lists index the images of ``download``. For one seed, training lists are nested over imbalance ratios,
and so are the long-tailed test sets, which are part of the balanced one.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from taet.data.imageset import VALIDATION
from taet.data.longtail import draw_split
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
    labels, official, classes = images["labels"], images["official"], len(facts["class_names"])
    ratio = None if job.cell["imbalance_ratio"] == "natural" else float(job.cell["imbalance_ratio"])

    split = draw_split(
        labels,
        official,
        classes,
        ratio,
        job.reads["longtail"],
        dataset=job.cell["dataset"],
        seed=job.cell["seed"],
    )
    lists = {
        "train": split.train,
        "validation": np.concatenate([split.validation, np.flatnonzero(official == VALIDATION)]),
        "test": split.test,
        "test_long_tailed": split.test_long_tailed,
    }
    counts = {
        name: np.bincount(labels[index], minlength=classes).tolist()
        for name, index in lists.items()
    }
    artifacts.write_arrays(
        job.output,
        lists,
        job.key,
        class_names=facts["class_names"],
        class_counts=counts["train"],
        validation_counts=counts["validation"],
        test_counts={"balanced": counts["test"], "long_tailed": counts["test_long_tailed"]},
    )
    return {name: len(index) for name, index in lists.items()}

"""Stage ``subsample``: the long-tailed training set and the test views, as index lists.

Lists index the images of ``download``. Training lists of one seed are nested over imbalance ratios,
and so are the long-tailed test views, which are part of the balanced one.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from taet import artifacts
from taet.longtail import class_counts, ldam_drw_order, pools, take
from taet.seeds import seed_for

if TYPE_CHECKING:
    from taet.jobs import Job


def run(job: "Job") -> dict[str, Any]:
    """Write ``train``, ``test`` and ``test_long_tailed``, [n] int64 each."""
    images, facts = artifacts.read_arrays(job.inputs["images"].output, job.inputs["images"].key)
    classes = len(facts["class_names"])
    dataset, options = job.cell["dataset"], job.reads["dataset"]
    rng = np.random.default_rng(seed_for("split", dataset, job.cell["seed"]))
    held_out = getattr(options, "test_per_class", None)  # sets without an official split have it
    train, test = pools(images["labels"], images["official"], classes, held_out, rng)
    longtail = job.reads["longtail"]
    if longtail.selection == "ldam_drw":
        train = ldam_drw_order(train)
    ratio, profile = float(job.cell["ir"]), longtail.profile

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

"""What ``inspect`` wrote, as inputs of the stage that shows it."""

from typing import TYPE_CHECKING

import pandas as pd

from taet.axes import METHOD_IN_SETTING, setting_path
from taet.scores.summary import read_rows
from taet.study.store import artifacts

if TYPE_CHECKING:
    from taet.study.plan.job import Job


def read_inspected(job: "Job") -> dict[str, pd.DataFrame]:
    """Tables of the job's input ``inspect``, verified, by name.

    ``features`` is features.csv; ``examples`` is examples.csv with the columns ``image`` and ``added``:
    [H, W, C] float32 arrays, the clean image in [0,1] and what the attack adds to it.
    """
    inspected = job.inputs["inspect"]
    artifacts.verify_manifest(inspected.output, inspected.key, inspected.files)
    file = artifacts.by_name(inspected.files)
    arrays, _ = artifacts.read_arrays(file["examples.safetensors"], inspected.key)
    examples = read_rows(file["examples.csv"])
    images, added = [], []
    by_method = examples.groupby(list(METHOD_IN_SETTING), sort=False)
    for (*names, method), rows in by_method:
        setting = setting_path(names)
        assert len(rows) == len(arrays[f"{setting}/{method}"])
        images += list(arrays[f"{setting}/clean"].astype("float32"))
        added += list(arrays[f"{setting}/{method}"].astype("float32"))
    return {
        "features": read_rows(file["features.csv"]),
        "examples": examples.assign(image=images, added=added),
    }

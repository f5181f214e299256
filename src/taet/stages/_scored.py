"""metrics.csv as an input, for the stages that show it."""

from typing import TYPE_CHECKING

import pandas as pd

from taet import artifacts
from taet.summary import read_metrics

if TYPE_CHECKING:
    from taet.jobs import Job


def read_scored(job: "Job") -> pd.DataFrame:
    """metrics.csv of the job's input ``score``, verified."""
    score = job.inputs["score"]
    artifacts.verify_manifest(score.output, score.key)
    return read_metrics(str(score.files[0]))

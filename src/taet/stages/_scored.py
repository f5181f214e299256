"""metrics.csv and contrasts.csv as inputs, for the stages that show it."""

from typing import TYPE_CHECKING

import pandas as pd

from taet import artifacts
from taet.summary import read_contrasts, read_metrics

if TYPE_CHECKING:
    from taet.jobs import Job


def read_scored(job: "Job") -> tuple[pd.DataFrame, pd.DataFrame]:
    """metrics.csv and contrasts.csv of the job's input ``score``, verified."""
    score = job.inputs["score"]
    artifacts.verify_manifest(score.output, score.key)
    metrics, contrasts = score.files
    return read_metrics(str(metrics)), read_contrasts(str(contrasts))

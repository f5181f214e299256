"""What ``score`` wrote, as inputs of the stages that show it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from taet.scores.summary import read_contrasts, read_rows
from taet.study.store import artifacts

if TYPE_CHECKING:
    from taet.study.plan.job import Job


@dataclass(frozen=True)
class Scored:
    """What the stage ``score`` wrote; see there."""

    metrics: pd.DataFrame
    intervals: pd.DataFrame
    contrasts: pd.DataFrame
    training: pd.DataFrame
    confusion: pd.DataFrame


def read_scored(job: "Job") -> Scored:
    """The tables of the job's input ``score``, verified."""
    score = job.inputs["score"]
    artifacts.verify_manifest(score.output, score.key, score.files)
    metrics, intervals, contrasts, training, confusion = score.files
    return Scored(
        read_rows(metrics),
        read_rows(intervals),
        read_contrasts(contrasts),
        read_rows(training),
        read_rows(confusion),
    )

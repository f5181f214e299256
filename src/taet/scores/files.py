"""What ``score`` wrote, as inputs of the stages that show it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from taet.scores import tukey
from taet.scores.summary import over_seeds, read_rows, with_bootstrap
from taet.study.store import artifacts

if TYPE_CHECKING:
    from taet.study.plan.job import Job


@dataclass(frozen=True)
class Scored:
    """What the stage ``score`` wrote; see there.

    ``summary``, numbers over seeds, follows from metrics and intervals: see ``taet.scores.summary``;
    ``differences``, every pair of methods, from metrics: see ``taet.scores.tukey``.
    """

    summary: pd.DataFrame
    metrics: pd.DataFrame
    intervals: pd.DataFrame
    differences: pd.DataFrame
    training: pd.DataFrame
    confusion: pd.DataFrame


def read_scored(job: "Job") -> Scored:
    """The tables of the job's input ``score``, verified; the job reads ``report``."""
    score = job.inputs["score"]
    artifacts.verify_manifest(score.output, score.key, score.files)
    file = artifacts.by_name(score.files)
    shown = ("metrics.csv", "intervals.csv", "training.csv", "confusion.csv")
    metrics, intervals, training, confusion = (read_rows(file[name]) for name in shown)
    confidence = job.reads["report"].confidence
    return Scored(
        with_bootstrap(over_seeds(metrics, confidence), intervals),
        metrics,
        intervals,
        tukey.differences(metrics, confidence),
        training,
        confusion,
    )

"""What ``score`` wrote, as inputs of the stages that show it."""

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import pandas as pd

from taet.scores.summary import read_rows
from taet.study.store import artifacts

if TYPE_CHECKING:
    from taet.study.plan.job import Job


@dataclass(frozen=True)
class Scored:
    """Tables of the stage ``score``, each named like its file; see there for their columns."""

    summary: pd.DataFrame
    differences: pd.DataFrame
    metrics: pd.DataFrame
    training: pd.DataFrame
    confusion: pd.DataFrame


def read_scored(job: "Job") -> Scored:
    """The tables of the job's input ``score``, verified."""
    score = job.inputs["score"]
    artifacts.verify_manifest(score.output, score.key, score.files)
    file = artifacts.by_name(score.files)
    return Scored(**{table.name: read_rows(file[f"{table.name}.csv"]) for table in fields(Scored)})

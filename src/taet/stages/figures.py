"""Stage ``figures``: the pictures, as SVG, PDF and PNG, of what ``score`` and ``inspect`` wrote."""

from typing import TYPE_CHECKING, Any

import pandas as pd

from taet.axes import SETTING
from taet.report.style import fix_layout, to_bytes
from taet.scores.files import read_scored
from taet.scores.inspected import read_inspected
from taet.study.params import plugins
from taet.study.store import artifacts

if TYPE_CHECKING:
    from taet.study.plan.job import Job


def run(job: "Job") -> dict[str, Any]:
    """Draw every picture that the job names; a file is FIGURE_DATASET_irIR_ARCHITECTURE.SUFFIX.

    A figure draws from the numbers over seeds, or from the table that its ``SOURCE`` names.
    """
    tables = {**vars(read_scored(job)), **read_inspected(job)}
    classes = _classes(tables["metrics"])
    for picture, about in job.reads["pictures"].items():
        module = plugins.load("report.figures", about["figure"])
        rows = tables[getattr(module, "SOURCE", "summary")]
        for axis in (axis for axis in SETTING if axis in about):
            rows = rows[rows[axis] == about[axis]]
        figure = fix_layout(
            module.draw(rows, job.reads, about | {"classes": classes[about["dataset"]]})
        )
        for file in (f for f in job.files if f.stem == picture):
            artifacts.write_bytes(file, to_bytes(figure, file.suffix.removeprefix(".")))
    artifacts.write_manifest(job.output.parent, job.key, [file.name for file in job.files])
    return {"pictures": len(job.reads["pictures"])}


def _classes(metrics: pd.DataFrame) -> dict[str, dict[str, str]]:
    """Numbers of classes by name, of each data set."""
    single = metrics[metrics["scope"] == "class"].drop_duplicates(["dataset", "class_index"])
    return {
        dataset: dict(zip(rows["class_name"], rows["class_index"], strict=True))
        for dataset, rows in single.groupby("dataset")
    }

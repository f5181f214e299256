"""Stage ``figures``: the figures, as SVG, PDF and PNG, of what ``score`` and ``inspect`` wrote."""

from collections.abc import Mapping
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

FORMATS = ("svg", "pdf", "png")


def run(job: "Job") -> dict[str, Any]:
    """Draw every figure that the job names; a file is FIGURE_DATASET_irIR_ARCHITECTURE.SUFFIX.

    A figure draws from the tables that its ``SOURCES`` names; without it, from the numbers over seeds.
    """
    tables = {**vars(read_scored(job)), **read_inspected(job)}
    contents = {}
    for name, about in job.reads["figures"].items():
        module = plugins.load("report.figures", about["figure"])
        sources = getattr(module, "SOURCES", ("summary",))
        rows = (_of_setting(tables[source], about) for source in sources)
        classes = _classes(_of_setting(tables["metrics"], about))
        figure = fix_layout(module.draw(*rows, job.reads, about | classes))
        for file in (f for f in job.files if f.stem == name):
            contents[file.name] = to_bytes(figure, file.suffix.removeprefix("."))
    artifacts.write_files(job.output, job.key, job.files, contents)
    return {"figures": len(job.reads["figures"])}


def _of_setting(rows: pd.DataFrame, about: Mapping[str, Any]) -> pd.DataFrame:
    """The rows of a figure's data set, imbalance ratio and architecture; of all ratios if it names none."""
    for axis in (axis for axis in SETTING if axis in about):
        rows = rows[rows[axis] == about[axis]]
    return rows


def _classes(metrics: pd.DataFrame) -> dict[str, Any]:
    """Of one setting ``classes``: numbers by name; ``frequency``: numbers, most frequent first."""
    single = metrics[metrics["scope"] == "class"].drop_duplicates("class_index")
    ordered = single.sort_values("train_images", ascending=False, kind="stable")
    return {
        "classes": dict(zip(single["class_name"], single["class_index"], strict=True)),
        "frequency": list(ordered["class_index"]),
    }

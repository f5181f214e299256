"""Stage ``figures``: the pictures, as SVG, PDF and PNG, from metrics.csv."""

from typing import TYPE_CHECKING, Any

from taet import artifacts, plugins
from taet.figures._style import settle, to_bytes
from taet.stages._scored import read_scored

if TYPE_CHECKING:
    from taet.jobs import Job


def run(job: "Job") -> dict[str, Any]:
    """Draw every picture that the job names; a file is FIGURE_DATASET_irIR_ARCHITECTURE.SUFFIX."""
    metrics = read_scored(job).metrics
    for picture, place in job.reads["pictures"].items():
        chosen = metrics[
            (metrics["dataset"] == place["dataset"])
            & (metrics["imbalance_ratio"] == place["ir"])
            & (metrics["architecture"] == place["architecture"])
        ]
        figure = settle(plugins.load("figures", place["figure"]).draw(chosen, job.reads, place))
        for file in (f for f in job.files if f.stem == picture):
            artifacts.write_bytes(file, to_bytes(figure, file.suffix.removeprefix(".")))
    artifacts.write_manifest(job.output.parent, job.key, [file.name for file in job.files])
    return {"pictures": len(job.reads["pictures"])}

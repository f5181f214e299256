"""Stage ``figures``: the pictures, as SVG, PDF and PNG, from metrics.csv."""

from typing import TYPE_CHECKING, Any

from taet import artifacts, figures
from taet.stages._scored import read_scored

if TYPE_CHECKING:
    from taet.jobs import Job


def run(job: "Job") -> dict[str, Any]:
    """Draw every picture that the job names; a file is FIGURE_DATASET_irIR_ARCHITECTURE.SUFFIX."""
    metrics = read_scored(job)
    for picture, place in job.reads["pictures"].items():
        chosen = metrics[
            (metrics["dataset"] == place["dataset"])
            & (metrics["imbalance_ratio"] == place["ir"])
            & (metrics["architecture"] == place["architecture"])
        ]
        figure = getattr(figures, place["figure"])(chosen, job.reads)
        for file in (f for f in job.files if f.stem == picture):
            artifacts.write_bytes(file, figures.draw(figure, file.suffix.removeprefix(".")))
    artifacts.write_manifest(job.output.parent, job.key, [file.name for file in job.files])
    return {"pictures": len(job.reads["pictures"])}

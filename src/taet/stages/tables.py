"""Stage ``tables``: main.csv, main.md, main.tex and headline.json from metrics.csv.

main.csv has, for every cell, view, attack and scope, the numbers over seeds (``taet.summary``); the
two others show the view that the parameters name. headline.json is for ``dvc metrics``.
"""

from typing import TYPE_CHECKING, Any

from taet import artifacts
from taet.stages._scored import read_scored
from taet.summary import over_seeds, with_bootstrap
from taet.tables import headline, main_tables
from taet.typeset import latex, markdown

if TYPE_CHECKING:
    from taet.jobs import Job


def run(job: "Job") -> dict[str, Any]:
    """Write the tables."""
    scored = read_scored(job)
    csv, md, tex, json = job.files
    summary = over_seeds(scored.metrics, job.reads["report"].confidence)
    summary = with_bootstrap(summary, scored.intervals)
    text = summary.to_csv(index=False, float_format="%.6f", lineterminator="\n")
    artifacts.write_bytes(csv, text.encode())
    tables = list(main_tables(summary, scored.contrasts, job.reads))
    artifacts.write_bytes(md, markdown(tables, f"Main table of study {job.study}").encode())
    artifacts.write_bytes(tex, latex(tables).encode())
    artifacts.write_json(json, headline(summary, job.reads))
    artifacts.write_manifest(job.output.parent, job.key, [file.name for file in job.files])
    return {"tables": len(tables)}

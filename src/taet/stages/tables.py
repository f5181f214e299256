"""Stage ``tables``: main.csv, main.md, main.tex, headline.json and headline.csv from metrics.csv.

main.csv has, for every cell, test set, attack and scope, the numbers over seeds (``taet.scores.summary``);
the two others show the test set that the parameters name. headline.json is for ``dvc metrics``, headline.csv
for ``dvc plots``: ``cell``, ``BA``, ``BR`` under the headline attack, and ``tail_BR``, in per cent.
"""

from typing import TYPE_CHECKING, Any

import pandas as pd

from taet.report.tables import main_tables
from taet.report.tables.headline import headline, headline_rows
from taet.report.typeset import latex, markdown
from taet.scores.files import read_scored
from taet.study.store import artifacts

if TYPE_CHECKING:
    from taet.study.plan.job import Job


def run(job: "Job") -> dict[str, Any]:
    """Write the tables."""
    scored = read_scored(job)
    csv, md, tex, metrics, plot = job.files
    text = scored.summary.to_csv(index=False, float_format="%.6f", lineterminator="\n")
    artifacts.write_bytes(csv, text.encode())
    tables = list(main_tables(scored.summary, scored.differences, job.reads))
    artifacts.write_bytes(md, markdown(tables, f"Main table of study {job.study}").encode())
    artifacts.write_bytes(tex, latex(tables).encode())
    numbers = headline(scored.summary, job.reads)
    artifacts.write_json(metrics, numbers)
    rows = pd.DataFrame(headline_rows(numbers, job.reads["report"].headline_attack))
    artifacts.write_bytes(plot, rows.to_csv(index=False, lineterminator="\n").encode())
    artifacts.write_manifest(job.output.parent, job.key, [file.name for file in job.files])
    return {"tables": len(tables)}

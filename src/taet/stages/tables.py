"""Stage ``tables``: main.md, main.tex, headline.json and headline.csv from summary.csv and differences.csv.

main.md and main.tex show the test set that the parameters name. headline.json is for ``dvc metrics``,
headline.csv for ``dvc plots``: ``cell``, ``BA``, ``BR`` under the headline attack, and ``tail_BR``, in per
cent.
"""

from typing import TYPE_CHECKING, Any

import pandas as pd

from taet.report.tables import main_tables
from taet.report.tables.headline import headline, headline_rows
from taet.report.typeset import latex, markdown
from taet.scores.csv_bytes import csv_bytes
from taet.scores.files import read_scored
from taet.study.store import artifacts

if TYPE_CHECKING:
    from taet.study.plan.job import Job

FILES = ("main.md", "main.tex", "headline.json", "headline.csv")


def run(job: "Job") -> dict[str, Any]:
    """Write the tables."""
    scored = read_scored(job)
    tables = list(main_tables(scored.summary, scored.differences, job.reads))
    numbers = headline(scored.summary, job.reads)
    rows = pd.DataFrame(headline_rows(numbers, job.reads["report"].headline_attack))
    contents = {
        "main.md": markdown(tables, f"Main table of study {job.study}").encode(),
        "main.tex": latex(tables).encode(),
        "headline.json": artifacts.json_bytes(numbers),
        "headline.csv": csv_bytes(rows),
    }
    artifacts.write_files(job.output, job.key, job.files, contents)
    return {"tables": len(tables)}

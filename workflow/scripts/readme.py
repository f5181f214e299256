"""Put the kept results into README.md, between the marks that name their study.

    python workflow/scripts/readme.py

A mark is ``<!-- results of STUDY -->``; what stands between it and ``<!-- end -->`` is written anew.
"""

import re
from pathlib import Path

from taet import grid, params
from taet.stages._scored import read_scored
from taet.summary import over_seeds, with_bootstrap
from taet.tables import overview_tables
from taet.typeset import markdown_table

PAGE = Path("README.md")
BLOCK = re.compile(r"(<!-- results of (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def results_of(name):
    """The overview of a study's kept metrics."""
    job = grid.Study(params.load(study=name), kept=True).job("tables")
    scored, report = read_scored(job), job.reads["report"]
    summary = with_bootstrap(over_seeds(scored.metrics, report.confidence), scored.intervals)
    tables = overview_tables(summary, scored.contrasts, job.reads)
    return "\n".join(f"{markdown_table(t)}\n\n{t.title.split(':')[0]}. {t.note}\n" for t in tables)


def page(text):
    """The page with its results as they are kept."""
    return BLOCK.sub(lambda found: f"{found[1]}{results_of(found[2])}{found[3]}", text)


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))

"""Put the kept results into README.md and docs/results.md, between the marks that name their study.

    python workflow/scripts/result_tables.py

Marks are ``<!-- results of STUDY -->`` and ``<!-- differences of STUDY: METHOD-METHOD, ... -->``; what stands
between one and ``<!-- end -->`` is written anew.
"""

import math
import re
import sys
from pathlib import Path

import scipy.stats

from taet import grid, params
from taet.errors import UserError, suggest
from taet.stages._scored import read_scored
from taet.summary import over_seeds, with_bootstrap
from taet.tables import overview_tables
from taet.tables.place import places
from taet.typeset import Table, markdown_table, markdown_text, percent

PAGES = (Path("README.md"), Path("docs/results.md"))
BLOCK = re.compile(
    r"(<!-- (?:results of (\w+)|differences of (\w+): ([\w, -]+)) -->\n)(?:(?!<!--).)*(<!-- end -->)",
    re.DOTALL,
)
COMPARED = (("pgd20", "all"), ("worst", "all"), ("worst", "tail"))


def results_of(name):
    """The overview of a study's kept metrics; what is said of all its tables once, below the last."""
    tables = list(overview_tables(*_kept(name)))
    shown = [f"{markdown_text(t.place)}:\n\n{markdown_table(t)}\n" for t in tables]
    notes = dict.fromkeys(markdown_text(t.note) for t in tables)
    return "\n".join([*shown, *(f"{note}\n" for note in notes)])


def differences_of(name, pairs):
    """Some methods of a study against others, each pair with the same seeds and images."""
    (place, *others) = places(*_kept(name))
    if others:
        raise UserError(
            f"differences of {name}: the study has several tables; only one can be shown"
        )
    if wrong := [pair for pair in pairs if len(set(pair)) != 2]:
        raise UserError(f"differences of {name}: {'-'.join(wrong[0])!r} is no METHOD-OTHER")
    if place.seeds == 1:
        raise UserError(f"differences of {name}: one seed has no interval over seeds")
    for method in {method for pair in pairs for method in pair} - set(place.methods):
        raise UserError(
            f"differences of {name}: no method {method!r}{suggest(method, place.methods)}"
        )
    confidence, labels = place.shown["report"].confidence, place.shown["labels"]["attacks"]
    head = [
        f"BR {labels[attack]}{' tail' if scope == 'tail' else ''}" for attack, scope in COMPARED
    ]
    rows, marks = [], {}
    for one, other in pairs:
        row = [f"{place.methods[one]} minus {place.methods[other]}"]
        for attack, scope in COMPARED:
            found = place.pair(one, other, attack, scope)
            row.append(_interval(found, confidence))
            if found["p_holm"] < 1 - confidence:
                marks[len(rows), len(row) - 1] = "best"
        rows.append(row)
    note = (
        f"{place.title}. Balanced robustness of the first minus that of the second, in points, with the same "
        f"seeds and images on both sides: mean [{percent(confidence)} interval of the mean, Student's t over "
        f"n = {place.seeds} paired seeds]. ≈: the interval contains 0, so that nothing can be told. Bold: "
        "told from 0 also after correcting the t-test for all pairs of methods (Holm)."
    )
    table = Table(place.title, "differences", note, ["Difference", *head], rows, marks)
    return f"{markdown_table(table)}\n\n{markdown_text(note)}\n"


def _kept(name):
    """Summary, contrasts and what else tables need, of the metrics that are kept of a study."""
    job = grid.Study(params.load(study=name), kept=True).job("tables")
    scored = read_scored(job)
    summary = over_seeds(scored.metrics, job.reads["report"].confidence)
    return with_bootstrap(summary, scored.intervals), scored.contrasts, job.reads


def _interval(row, confidence):
    """A paired difference in points, with Student's t interval over its seeds."""
    n, mean = row["seeds"], 100 * row["difference"]
    low, high = scipy.stats.t.interval(confidence, n - 1, mean, 100 * row["sd"] / math.sqrt(n))
    return f"{mean:+z.1f} [{low:+.1f}, {high:+.1f}]{' ≈' if low <= 0 <= high else ''}"


def _written(found):
    begin, study, compared, pairs, end = found.groups()
    if study:
        return begin + results_of(study) + end
    return begin + differences_of(compared, [p.strip().split("-") for p in pairs.split(",")]) + end


def renewed(text):
    """A page's text with the results as they are kept.

    Raises:
        UserError: a mark has no end, or names what is not kept.
    """
    begun = len(re.findall(r"<!-- (?:results|differences) of ", text))
    if begun != len(BLOCK.findall(text)):
        raise UserError("a mark of results is misspelt, or has no <!-- end --> before the next")
    return BLOCK.sub(_written, text)


if __name__ == "__main__":
    for page in PAGES:
        try:
            page.write_text(renewed(page.read_text()))
        except UserError as error:
            sys.exit(f"result_tables: {page}: {error}")

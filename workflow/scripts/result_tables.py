"""Put the saved results into docs/digits.md and docs/results.md, between the marks that name their study.

    python workflow/scripts/result_tables.py

Marks are ``<!-- results of STUDY -->`` and ``<!-- differences of STUDY, ...: METHOD-METHOD, ... -->``; what
stands between one and ``<!-- end -->`` is written anew.
"""

import itertools
import math
import re
import sys
from pathlib import Path

import scipy.stats

from taet.errors import UserError, suggest
from taet.report.tables import overview_tables
from taet.report.tables.place import places
from taet.report.typeset import Table, markdown_table, markdown_text, percent
from taet.scores.files import read_scored
from taet.study.params.load import load_params
from taet.study.plan.saved import SavedStudy

PAGES = (Path("docs/digits.md"), Path("docs/results.md"))
BLOCK = re.compile(
    r"(<!-- (?:results of (\w+)|differences of ([\w, ]+): ([\w, -]+)) -->\n)(?:(?!<!--).)*(<!-- end -->)",
    re.DOTALL,
)
COMPARED = (
    ("clean", "all"),
    ("pgd20", "all"),
    ("worst", "all"),
    ("pgd20", "tail"),
    ("worst", "tail"),
)


def results_of(name):
    """The overview of a study's saved metrics; what is said of all its tables once, below the last."""
    tables = list(overview_tables(*summary_of(name)))
    shown = [f"{markdown_text(t.place)}:\n\n{markdown_table(t)}\n" for t in tables]
    notes = dict.fromkeys(markdown_text(t.note) for t in tables)
    return "\n".join([*shown, *(f"{note}\n" for note in notes)])


def differences_of(names, pairs):
    """Some methods of studies against others, each pair with the same seeds and images."""
    if wrong := [pair for pair in pairs if len(set(pair)) != 2]:
        raise UserError(f"differences: {'-'.join(wrong[0])!r} is no METHOD-OTHER")
    if len(set(names)) != len(names):
        raise UserError(f"differences of {', '.join(names)}: a study is named twice")
    studies = {name: place_of(name) for name in names}
    known = {method: label for place in studies.values() for method, label in place.methods.items()}
    for method in {method for pair in pairs for method in pair} - known.keys():
        raise UserError(f"differences: no method {method!r}{suggest(method, known)}")
    rows, marks = [], {}
    for (one, other), (attack, scope) in itertools.product(pairs, COMPARED):
        row = [f"{known[one]} minus {known[other]}", f"{_label(studies, attack)}, {scope} classes"]
        for place in studies.values():
            found = place.pair(one, other, attack, scope)
            if found is not None and found["p_holm"] < 1 - place.shown["report"].confidence:
                marks[len(rows), len(row)] = "best"
            row.append(_difference(found, place.shown["report"].confidence))
        rows.append(row)
    head = ["Difference", "Of", *(f"{name}, IR {_ratio(p)}" for name, p in studies.items())]
    table = Table("", "differences", _note(studies), head, rows, marks)
    return f"{markdown_table(table)}\n\n{markdown_text(table.note)}\n"


def place_of(name):
    """The one place of a study whose seeds can be compared."""
    (place, *others) = places(*summary_of(name))
    if others:
        raise UserError(
            f"differences of {name}: the study has several tables; only one can be shown"
        )
    if place.seeds == 1:
        raise UserError(f"differences of {name}: one seed has no interval over seeds")
    return place


def _ratio(place):
    return place.part.iloc[0]["imbalance_ratio"]


def _label(studies, attack):
    if attack == "clean":
        return "BA"
    labels = (place.shown["labels"]["attacks"][attack] for place in studies.values())
    return f"BR {_same('an attack', labels)}"


def _same(what, values):
    """What the studies of one table have in common."""
    (found, *others) = dict.fromkeys(values)
    if others:
        raise UserError(f"differences: the studies differ in {what}: {found}, {others[0]}")
    return found


def _note(studies):
    """What differences are, and how many the test is corrected for."""
    level = percent(_same("confidence", (p.shown["report"].confidence for p in studies.values())))
    seeds = _same("the number of seeds", (p.seeds for p in studies.values()))
    counts = (f"{math.comb(len(place.methods), 2)} of {name}" for name, place in studies.items())
    data = _same("the data set", (p.title.partition(", IR ")[0] for p in studies.values()))
    return (
        f"{data}. BA, BR: balanced accuracy and balanced robustness of the first minus that of the second, "
        f"in points, with the same seeds and images on both sides: mean [{level} interval of the mean, "
        f"Student's t over n = {seeds} paired seeds]. Bold: shown, which differs significantly from 0 also "
        "after correcting the t-test for all pairs of methods "
        f"(Holm; pairs: {', '.join(counts)}). Open: the interval contains 0. Neither: suggested."
    )


def summary_of(name):
    """Summary, contrasts and what else tables need, of the saved metrics of a study."""
    job = SavedStudy(load_params(study=name)).job("tables")
    scored = read_scored(job)
    return scored.summary, scored.contrasts, job.reads


def interval(row, confidence):
    """Mean of a paired difference in points, and the ends of Student's t interval over its seeds."""
    n, mean = row["seeds"], 100 * row["difference"]
    return mean, *scipy.stats.t.interval(confidence, n - 1, mean, 100 * row["sd"] / math.sqrt(n))


def _difference(row, confidence):
    """A paired difference in points, with Student's t interval over its seeds; ``-`` where there is none."""
    if row is None:
        return "-"
    mean, low, high = interval(row, confidence)
    return f"{mean:+z.1f} [{low:+.1f}, {high:+.1f}]{' open' if low <= 0 <= high else ''}"


def _written(found):
    begin, study, compared, pairs, end = found.groups()
    if study:
        return begin + results_of(study) + end
    names = [name.strip() for name in compared.split(",")]
    return begin + differences_of(names, [p.strip().split("-") for p in pairs.split(",")]) + end


def renewed(text):
    """A page's text with the results as they are saved.

    Raises:
        UserError: a mark has no end, or names what is not saved.
    """
    if "<!--" in BLOCK.sub("", text):
        raise UserError("a mark of results is misspelt, or has no <!-- end --> before the next")
    return BLOCK.sub(_written, text)


if __name__ == "__main__":
    if sys.argv[1:]:
        sys.exit("result_tables: takes no arguments: python workflow/scripts/result_tables.py")
    new = {}
    for page in PAGES:
        try:
            new[page] = renewed(page.read_text(encoding="utf-8"))
        except UserError as error:
            sys.exit(f"result_tables: {page}: {error}")
        except FileNotFoundError as error:
            sys.exit(f"result_tables: {error.filename}: not found; run it in the project's folder")
    for page, text in new.items():
        page.write_text(text, encoding="utf-8")

"""Tables of saved results, as Markdown for pages: overviews of studies, and differences between methods."""

import itertools
import math
import re
from functools import cache

from taet.errors import UserError, suggest
from taet.report.tables import overview_tables
from taet.report.tables.cells import difference_text
from taet.report.tables.setting import settings
from taet.report.typeset import Table, markdown_table, markdown_text, percent
from taet.scores.files import read_scored
from taet.scores.tukey import EXTREME, POWER, is_significant, left_out
from taet.study.params.load import load_params
from taet.study.plan.saved import SavedStudy

COMPARED = (
    ("clean", "all"),
    ("pgd20", "all"),
    ("worst", "all"),
    ("pgd20", "tail"),
    ("worst", "tail"),
)


def results_of(name, legend_of=()):
    """The overview of a study's saved metrics; what holds for all its tables once, below the last.

    Args:
        name: of the study.
        legend_of: studies whose ``legend`` the page has, so that its sentences are left out here.
    """
    tables = list(overview_tables(*summary_of(name)))
    texts = [f"{markdown_text(t.about)}:\n\n{markdown_table(t)}\n" for t in tables]
    above = _legend(legend_of)
    notes = "".join(f"{sentence}\n" for sentence in _notes(name) if sentence not in above)
    return "\n".join([*texts, *([notes] if notes else []), f"{made_by(name)}\n"])


def legend(names):
    """What the notes of all these studies say, a sentence a line, for the top of a page."""
    return "".join(f"- {sentence[0].upper()}{sentence[1:]}\n" for sentence in _legend(names))


def _legend(names):
    notes = [_notes(name) for name in names]
    return [s for s in dict.fromkeys(itertools.chain(*notes)) if all(s in of for of in notes)]


def _notes(name):
    """The sentences below a study's overview, each once."""
    texts = [markdown_text(table.note) for table in overview_tables(*summary_of(name))]
    return list(dict.fromkeys(sentence for text in texts for sentence in _sentences(text)))


def _sentences(text):
    return re.split(r"(?<=\.) ", text)


def made_by(name):
    """Which code made a study's saved results, and whether it is today's."""
    study = SavedStudy(load_params(study=name))
    revisions = [f"{revision[:12]} ({day})" for revision, day in study.revisions().items()]
    text = f"Networks trained by revision {' and '.join(revisions)}."
    if changed := study.changed_stages():
        text += f" The code of {', '.join(changed)} has changed since; a new run may give other numbers."
    return text


def differences_of(names, pairs):
    """Some methods of studies against others, each pair with the same seeds."""
    if wrong := [pair for pair in pairs if len(set(pair)) != 2]:
        raise UserError(f"differences: {'-'.join(wrong[0])!r} is no METHOD-OTHER")
    if len(set(names)) != len(names):
        raise UserError(f"differences of {', '.join(names)}: a study is named twice")
    studies = {name: setting_of(name) for name in names}
    labels = {method: label for s in studies.values() for method, label in s.methods.items()}
    for method in {method for pair in pairs for method in pair} - labels.keys():
        raise UserError(f"differences: no method {method!r}{suggest(method, labels)}")
    rows, marks = [], {}
    for (one, other), (attack, scope) in itertools.product(pairs, COMPARED):
        row = [
            f"{labels[one]} minus {labels[other]}",
            f"{_label(studies, attack)}, {scope} classes",
        ]
        for setting in studies.values():
            pair = setting.difference(one, other, attack, scope)
            if pair is not None and is_significant(pair):
                marks[len(rows), len(row)] = "best"
            row.append(difference_text(pair))
        rows.append(row)
    head = ["Difference", "Of", *(f"{name}, IR {_ratio(s)}" for name, s in studies.items())]
    table = Table("", "differences", _note(studies), head, rows, marks)
    note = "\n".join(_sentences(markdown_text(table.note)))
    return f"{markdown_table(table)}\n\n{note}\n"


def setting_of(name):
    """The one data set, ratio and architecture of a study whose seeds can be compared."""
    (setting, *others) = settings(*summary_of(name))
    if others:
        raise UserError(
            f"differences of {name}: the study has several tables; only one can be shown"
        )
    if setting.seeds == 1:
        raise UserError(f"differences of {name}: one seed has no interval over seeds")
    return setting


def _ratio(setting):
    return setting.rows.iloc[0]["imbalance_ratio"]


def _label(studies, attack):
    if attack == "clean":
        return "BA"
    labels = (setting.shown["labels"]["attacks"][attack] for setting in studies.values())
    return f"BR {_same('an attack', labels)}"


def _same(what, values):
    """What the studies of one table have in common."""
    (common, *others) = dict.fromkeys(values)
    if others:
        raise UserError(f"differences: the studies differ in {what}: {common}, {others[0]}")
    return common


def _note(studies):
    """What differences are, and how their intervals are made."""
    level = percent(_same("confidence", (s.shown["report"].confidence for s in studies.values())))
    seeds = _same("the number of seeds", (s.seeds for s in studies.values()))
    counts = (f"{math.comb(len(s.methods), 2)} of {name}" for name, s in studies.items())
    data = _same("the data set", (s.title.partition(", IR ")[0] for s in studies.values()))
    return " ".join(
        [
            f"{data}. BA, BR: balanced accuracy and balanced robustness, first method minus second, in "
            f"points. Means over the same n = {seeds} seeds [Tukey's {level} interval]. Intervals hold for "
            "all pairs of methods of a study under one attack and scope, equal variance assumed. Pairs: "
            f"{', '.join(counts)}. Bold: significant, the interval excludes 0.",
            *_left_out(studies),
            _detectable(studies),
            *_older(studies),
        ]
    )


def _left_out(studies):
    """Methods whose seeds do not enter the variance, where there are any."""
    names = {
        f"{setting.methods[method]} ({name}, {scope} classes)": None
        for name, setting in studies.items()
        for attack, scope in COMPARED
        for method in left_out(setting.family(attack, scope))
    }
    if names:
        yield (
            f"Excluded from the variance, since all seeds lie within {percent(EXTREME)} of 0 or 100 %: "
            f"{', '.join(names)}."
        )


def _detectable(studies):
    """The smallest differences that so many seeds find, of all rows."""
    parts = []
    for name, setting in studies.items():
        families = (setting.family(attack, scope) for attack, scope in COMPARED)
        points = [100 * family["detectable"].iloc[0] for family in families]
        parts.append(f"{min(points):.1f} to {max(points):.1f} points in {name}")
    return f"Smallest detectable difference (power {percent(POWER)}): {', '.join(parts)}."


def _older(studies):
    if names := made_by_older_code(studies):
        yield f"Made by older code: {', '.join(names)}."


def made_by_older_code(names):
    """Those of the studies that today's code might not give again."""
    return [name for name in names if SavedStudy(load_params(study=name)).changed_stages()]


@cache
def scored_of(name):
    """The saved scores of a study, and what else tables need."""
    job = SavedStudy(load_params(study=name)).job("tables")
    return read_scored(job), job.reads


def metrics_of(name, test_set="balanced", checkpoint=None):
    """Rows of metrics.csv, of each seed; of the checkpoint that tables show, unless another is named."""
    scored, shown = scored_of(name)
    rows, checkpoint = scored.metrics, checkpoint or shown["report"].checkpoint
    return rows[(rows["test_set"] == test_set) & (rows["checkpoint"] == checkpoint)]


def summary_of(name):
    """Summary, differences and what else tables need, of the saved metrics of a study."""
    scored, shown = scored_of(name)
    return scored.summary, scored.differences, shown

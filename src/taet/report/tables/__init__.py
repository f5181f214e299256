"""What the tables say: which there are, in which order, with which columns."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from taet.report.tables.differences import differences_table
from taet.report.tables.methods import checkpoints_table, costs_table, method_table, variants_table
from taet.report.tables.other_test_set import other_test_set_table
from taet.report.tables.place import SCOPES, Column, Place, places
from taet.report.tables.published import published_table
from taet.report.tables.rarest import rarest_table
from taet.report.typeset import Table


def main_tables(
    summary: pd.DataFrame, contrasts: pd.DataFrame, shown: Mapping[str, Any]
) -> Iterator[Table]:
    """Tables of each data set, imbalance ratio and architecture.

    The first has BA and the BR of every attack over all classes, the second both for head, medium and
    tail classes and for the worst class, the third the numbers that say most on the other test set,
    the fourth both for each of the rarest classes; then the differences to the best method where there
    are several seeds, what training costs, our numbers beside published ones where there are any, the
    last checkpoint against the best where both were attacked, and one table for each kind of method
    that stands in the study in several variants.

    Args:
        summary: see ``taet.scores.summary.with_bootstrap``.
        contrasts: contrasts.csv.
        shown: ``report``, ``labels``, ``study``, ``threat``, ``variants``, ``costs``, ``published`` of the
            parameters.
    """
    for place in places(summary, contrasts, shown):
        yield from _tables_of(place)


def overview_tables(
    summary: pd.DataFrame, contrasts: pd.DataFrame, shown: Mapping[str, Any]
) -> Iterator[Table]:
    """The few columns that say most, for each data set, imbalance ratio and architecture.

    BA, BR under the headline attack and in the worst cases, BR of the tail if there is one. Arguments: see
    ``main_tables``.
    """
    for place in places(summary, contrasts, shown):
        yield method_table(place, "overview", _overview(place))


def _overview(place: Place) -> list[Column]:
    report, labels = place.shown["report"], place.shown["labels"]["attacks"]
    headline = report.headline_attack
    attacks = [headline, *report.worst_cases]
    columns = [("clean", "all", "BA"), *((a, "all", f"BR {labels[a]}") for a in attacks)]
    tail = (headline, "tail", f"BR {labels[headline]} tail")
    return [*columns, *([tail] if "tail" in place.scopes else [])]


def _tables_of(place: Place) -> Iterator[Table]:
    report, labels = place.shown["report"], place.shown["labels"]
    headline = report.headline_attack
    everything = [("clean", "all", "BA")]
    everything += [(attack, "all", f"BR {label}") for attack, label in labels["attacks"].items()]
    short = [column for column in everything if column[0] in ("clean", headline)]
    groups = [
        (attack, scope, f"{title} {SCOPES[scope]}")
        for attack, _, title in short
        for scope in place.scopes
    ]
    yield method_table(place, "all classes", everything)
    yield method_table(place, "by class frequency", groups)
    for other in place.other_test_sets:
        yield other_test_set_table(other, _overview(other))
    yield rarest_table(place, [attack for attack, _, _ in short])
    if len(place.contrasts) and place.seeds > 1 and place.methods.keys() - place.collapsed:
        yield differences_table(place)
    yield costs_table(place, short)
    if place.published:
        yield published_table(place)
    if len(set(place.everything["checkpoint"])) > 1:
        yield checkpoints_table(place, short)
    columns = short + [column for column in groups if column[1] == "tail"]
    for methods in place.shown["variants"].values():
        yield variants_table(place, columns, methods)

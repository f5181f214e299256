"""Which tables there are, in which order."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from taet.report.tables import columns
from taet.report.tables.differences import differences_table
from taet.report.tables.methods import checkpoints_table, costs_table, method_table, variants_table
from taet.report.tables.other_test_set import other_test_set_table
from taet.report.tables.published import published_table
from taet.report.tables.rarest import rarest_table
from taet.report.tables.setting import SettingResults, settings
from taet.report.typeset import Table


def main_tables(
    summary: pd.DataFrame, differences: pd.DataFrame, shown: Mapping[str, Any]
) -> Iterator[Table]:
    """Tables of each data set, imbalance ratio and architecture.

    The first has BA and the BR of every attack over all classes, the second both for head, medium and
    tail classes and for the worst class, the third the numbers that say most on the other test set,
    the fourth both for each of the rarest classes; then the differences to the best method where there
    are several seeds, what training costs, our numbers beside published ones where there are any, the
    last checkpoint against the best where both were attacked, and one table for each kind of method
    that the study has several variants of.

    Args:
        summary: see ``taet.scores.summary.with_bootstrap``.
        differences: see ``taet.scores.tukey.differences``.
        shown: ``report``, ``labels``, ``study``, ``threat``, ``variants``, ``costs``, ``published`` of the
            parameters.
    """
    for setting in settings(summary, differences, shown):
        yield from _tables_of(setting)


def overview_tables(
    summary: pd.DataFrame, differences: pd.DataFrame, shown: Mapping[str, Any]
) -> Iterator[Table]:
    """The few columns that say most, for each data set, imbalance ratio and architecture.

    Arguments: see ``main_tables``.
    """
    for setting in settings(summary, differences, shown):
        yield method_table(setting, "overview", columns.overview(setting))


def _tables_of(setting: SettingResults) -> Iterator[Table]:
    short = columns.clean_and_robust(setting)
    yield method_table(setting, "all classes", columns.every_attack(setting))
    yield method_table(setting, "by class frequency", columns.by_class_frequency(setting))
    for other in setting.other_test_sets:
        yield other_test_set_table(other, columns.overview(other))
    yield rarest_table(setting, [column.attack for column in short])
    if len(setting.differences) and setting.methods.keys() - setting.collapsed:
        yield differences_table(setting)
    yield costs_table(setting, short)
    if setting.published:
        yield published_table(setting)
    if len(set(setting.all_checkpoints["checkpoint"])) > 1:
        yield checkpoints_table(setting, short)
    for methods in setting.shown["variants"].values():
        yield variants_table(setting, columns.all_and_tail(setting), methods)

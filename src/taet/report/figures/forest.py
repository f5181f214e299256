"""Balanced robustness of a reference minus that of each other method, with simultaneous intervals.

The reference is TAET, or the first method of a study without it. Differences are of the worst case over
attacks, unless the parameters name another attack for figures. The most robust method comes first.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from taet.report.style import (
    BARS,
    SCOPE_TITLES,
    caption,
    heading,
    house_style,
    method_styles,
    row_panels,
    setting_of,
)
from taet.report.tables.setting import SettingResults, settings
from taet.report.titles import all_pairs
from taet.report.typeset import percent
from taet.scores.summary import title_of_test_set

REQUIRES = {"methods": 2}
SOURCES = ("summary", "differences")


def draw(
    summary: pd.DataFrame,
    differences: pd.DataFrame,
    shown: Mapping[str, Any],
    about: Mapping[str, Any],
) -> Figure:
    """The figure.

    Args:
        summary: rows over seeds of one data set, imbalance ratio and architecture.
        differences: its pairs of methods.
        shown: ``report``, ``labels``, ``families`` of the parameters.
        about: its setting.
    """
    (setting,) = settings(summary, differences, shown)
    labels, attack = setting.methods, setting.shown["report"].figure_attack
    reference = labels[setting.reference]
    of_scopes = {
        scope: 100 * setting.leads(attack, scope)
        for scope in SCOPE_TITLES
        if scope in set(setting.rows["scope"])
    }
    methods = list(of_scopes["all"].index)
    with house_style():
        titles = [SCOPE_TITLES[scope] for scope in of_scopes]
        figure, panels = row_panels([labels[method] for method in methods], titles)
        for axes, pairs in zip(panels, of_scopes.values(), strict=True):
            _panel(axes, pairs.loc[methods], method_styles(shown))
            axes.set_xlabel(f"points, {reference} better \N{RIGHTWARDS ARROW}")
        caption(figure, _caption(setting, reference))
        heading(figure, setting_of(shown, about))
    return figure


def _panel(axes: Axes, pairs: pd.DataFrame, styles: Mapping[str, Mapping[str, Any]]) -> None:
    axes.axvline(0, color="0.6", linewidth=0.6)
    for row, (method, pair) in enumerate(pairs.iterrows()):
        reach = [[pair["difference"] - pair["low"]], [pair["high"] - pair["difference"]]]
        bar = None if np.isnan(reach).any() else reach
        axes.errorbar(pair["difference"], row, xerr=bar, **styles[str(method)], **BARS)


def _caption(setting: SettingResults, reference: str) -> str:
    report, count, seeds = setting.shown["report"], len(setting.methods), setting.seeds
    attack = setting.shown["labels"]["attacks"][report.figure_attack]
    intervals = (
        f"means over n = {seeds} seeds, Tukey's {percent(report.confidence)} intervals for {all_pairs(count)}"
        if seeds > 1
        else "one seed, n = 1: no intervals"
    )
    test_set = title_of_test_set(setting.rows, setting.test_set)
    return f"Balanced robustness, {attack}: {reference} minus the other method. {test_set}; {intervals}"

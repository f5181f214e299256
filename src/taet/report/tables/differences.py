"""Every method against the best one, with Tukey's simultaneous intervals."""

from typing import Any

import numpy as np
import pandas as pd

from taet.report.tables.cells import difference_text
from taet.report.tables.setting import SettingResults
from taet.report.titles import all_pairs
from taet.report.typeset import NONE, Table, percent
from taet.scores import tukey


def differences_table(setting: SettingResults) -> Table:
    """Every method against the best one under the attack that figures show."""
    labels, attack = setting.shown["labels"], setting.shown["report"].figure_attack
    values = setting.rows[(setting.rows["attack"] == attack) & (setting.rows["scope"] == "all")]
    best = _best(setting, values.set_index("method")["balanced_accuracy"])
    pairs = {method: setting.difference(method, best, attack, "all") for method in setting.methods}
    rows = [
        [setting.methods[method], difference_text(pair), _verdict(pair)]
        for method, pair in pairs.items()
        if pair is not None
    ]
    note = (
        f"Balanced robustness minus that of {setting.methods[best]}, in points, "
        f"{family_note(setting, attack, 'all')}"
    )
    title = f"differences to {setting.methods[best]}, BR {labels['attacks'][attack]}"
    return Table(setting.title, title, note, ["Method", "Difference", "Significant"], rows)


def family_note(setting: SettingResults, attack: str, scope: str) -> str:
    """What the intervals of the differences between methods are, under an attack and over some classes."""
    pairs, compared = setting.family(attack, scope), all_pairs(len(setting.methods))
    seeds, level = pairs["seeds"].iloc[0], percent(setting.shown["report"].confidence)
    left_out = [setting.methods[name] for name in tukey.left_out(pairs)]
    text = (
        f"mean over n = {seeds} seeds [Tukey's {level} interval for {compared}, equal variance assumed]. "
        "Significant: the interval excludes 0."
    )
    if left_out:
        text += (
            f" Excluded from the variance, since all seeds lie within {percent(tukey.EXTREME)} of 0 or "
            f"100 %: {', '.join(left_out)}."
        )
    if (detectable := pairs["detectable"].iloc[0]) > 0:
        text += (
            f" Smallest detectable difference (power {percent(tukey.POWER)}): "
            f"{100 * detectable:.1f} points."
        )
    return text


def _best(setting: SettingResults, means: "pd.Series[float]") -> str:
    """The method with the largest mean, of those that are ranked."""
    methods = list(setting.methods)
    return methods[int(np.nanargmax(setting.ranked(methods, list(means[methods]))))]


def _verdict(pair: "pd.Series[Any]") -> str:
    """Whether a difference is significant; ``NONE`` without an interval."""
    if pd.isna(pair["low"]):
        return NONE
    return "yes" if tukey.is_significant(pair) else "no"

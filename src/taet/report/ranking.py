"""What a reader wants first: methods ranked by balanced robustness, and the result in sentences."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from taet.report.tables.cells import interval
from taet.report.tables.methods import TableCell, column_cells
from taet.report.tables.setting import Column, SettingResults
from taet.report.typeset import NONE, percent
from taet.scores import tukey
from taet.scores.summary import of_groups

OURS, RIVALS = (
    "taet",
    ("at_bsl", "pgd_at"),
)  # the method of this project, and what it is compared with
SIGNIFICANT, ALONE = "significantly worse", NONE  # verdicts; the second where nothing is compared


@dataclass(frozen=True)
class RankedMethod:
    """A method in the ranking.

    Attributes:
        method: its name.
        label: what tables call it.
        cells: by attack and scope.
        passes: forward and backward passes per training image.
        ratio: of them to those of the cheapest method.
        verdict: how it compares with the best.
    """

    method: str
    label: str
    cells: Mapping[tuple[str, str], TableCell]
    passes: str
    ratio: str
    verdict: str


def columns(setting: SettingResults) -> dict[tuple[str, str], str]:
    """Titles of the numbers in the ranking, by attack and scope; methods are ranked by the second."""
    attack = setting.shown["report"].figure_attack
    label = setting.shown["labels"]["attacks"][attack]
    titles = {("clean", "all"): "BA", (attack, "all"): f"BR {label}"}
    if "tail" in setting.scopes:
        titles[attack, "tail"] = f"BR {label}, tail"
    return titles


def ranking(setting: SettingResults) -> list[RankedMethod]:
    """Methods, the most robust first; those that are not ranked come last."""
    cells = {column: _cells(setting, *column) for column in columns(setting)}
    costs, attack = setting.shown["costs"], setting.shown["report"].figure_attack
    return [
        RankedMethod(
            method,
            setting.methods[method],
            {column: of_methods[method] for column, of_methods in cells.items()},
            f"{costs[method]:,.0f}",
            f"{costs[method] / min(costs.values()):.1f}\N{MULTIPLICATION SIGN}",
            _verdict(setting, method, cells[attack, "all"][method]),
        )
        for method in _order(setting)
    ]


def _cells(setting: SettingResults, attack: str, scope: str) -> dict[str, TableCell]:
    rows = _rows(setting, attack, scope)
    return dict(zip(rows, column_cells(setting, rows, Column(attack, scope)), strict=True))


def _rows(setting: SettingResults, attack: str, scope: str) -> dict[str, "pd.Series[Any]"]:
    """Rows of the summary by method."""
    rows = of_groups(setting.rows)
    rows = rows[(rows["attack"] == attack) & (rows["scope"] == scope)].set_index("method")
    return {method: rows.loc[method] for method in setting.methods}


def _order(setting: SettingResults) -> list[str]:
    rows = _rows(setting, setting.shown["report"].figure_attack, "all")
    ranked = [method for method in rows if method not in setting.collapsed]
    ranked.sort(key=lambda method: -rows[method]["balanced_accuracy"])
    return [*ranked, *(method for method in rows if method in setting.collapsed)]


def _verdict(setting: SettingResults, method: str, cell: TableCell) -> str:
    if method in setting.collapsed:
        return "not ranked: predicts one class"
    if len(setting.methods) == 1:
        return ALONE
    if cell.mark == "best":
        return "best"
    if cell.to_best is None or pd.isna(cell.to_best["low"]):
        return "one seed: not tested" if setting.seeds == 1 else "no interval"
    return SIGNIFICANT if tukey.is_significant(cell.to_best) else "no significant difference"


def sentences(setting: SettingResults, contrasts: pd.DataFrame) -> Iterator[str]:
    """Which method leads, whether significantly, and how TAET compares with AT-BSL.

    Args:
        contrasts: rows of contrasts.csv of the setting; their intervals over test images serve one seed.
    """
    report, rows = setting.shown["report"], ranking(setting)
    best = [row for row in rows if row.verdict in ("best", ALONE)]
    if not best:
        yield "No method is ranked: each has a network that predicts one class."
        return
    others = [row for row in rows if row not in best and row.method not in setting.collapsed]
    first = _rows(setting, report.figure_attack, "all")[best[0].method]
    leads = "reaches" if len(rows) == 1 else "leads with" if len(best) == 1 else "lead with"
    yield (
        f"{' and '.join(row.label for row in best)} {leads} "
        f"{100 * first['balanced_accuracy']:.1f} % balanced robustness, "
        f"{setting.shown['labels']['attacks'][report.figure_attack]} "
        f"{_basis(setting, *interval(first))}."
    )
    if others:
        pair = _difference(setting, contrasts, best[0].method, others[0].method)
        worse = sum(row.verdict == SIGNIFICANT for row in others)
        are = "is" if worse == 1 else "are"
        yield (
            f"The lead over {others[0].label}, the second, {_significance(setting, pair)}: "
            f"{_points(setting, pair)}"
            + (
                f"; {worse} of {len(others)} methods {are} {SIGNIFICANT}"
                if setting.seeds > 1
                else ""
            )
            + "."
        )
    rival = next((name for name in RIVALS if name in setting.methods), None)
    if OURS in setting.methods and rival is not None:
        pair = _difference(setting, contrasts, OURS, rival)
        leads = pair["difference"] > 0
        pair = pair if leads else _difference(setting, contrasts, rival, OURS)
        yield (
            f"{setting.methods[OURS]} {'leads' if leads else 'trails'} {setting.methods[rival]} by "
            f"{_points(setting, pair)}; the difference {_significance(setting, pair)}."
        )


def _points(setting: SettingResults, pair: "pd.Series[Any]") -> str:
    return f"{_number(pair['difference'])} points {_basis(setting, pair['low'], pair['high'])}"


def _basis(setting: SettingResults, low: float, high: float) -> str:
    """Number of seeds, and the interval."""
    one = setting.seeds == 1
    level = f"{percent(setting.shown['report'].confidence)} interval{' over test images' * one}"
    between = "no interval" if pd.isna(low) else f"{level} [{_number(low)}, {_number(high)}]"
    return f"(n = {setting.seeds} seed{'' if one else 's'}, {between})"


def _number(share: float) -> str:
    return f"{100 * share:z.1f}".replace("-", "\N{MINUS SIGN}")


def _significance(setting: SettingResults, pair: "pd.Series[Any]") -> str:
    if setting.seeds == 1 or pd.isna(pair["low"]):
        return "is not tested"
    return "is significant" if tukey.is_significant(pair) else "is not significant"


def _difference(
    setting: SettingResults, contrasts: pd.DataFrame, one: str, other: str
) -> "pd.Series[Any]":
    """Of two methods in the worst case: with Tukey's interval, or with one over test images for one seed."""
    attack = setting.shown["report"].figure_attack
    for results in (setting, replace(setting, pairs=contrasts)):
        pair = results.difference(one, other, attack, "all")
        if pair is not None:
            return pair
    means = {m: row["balanced_accuracy"] for m, row in _rows(setting, attack, "all").items()}
    none = float("nan")
    return pd.Series({"difference": means[one] - means[other], "low": none, "high": none})

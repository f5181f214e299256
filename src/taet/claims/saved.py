"""Rows of the leaderboard from the saved studies, ``results/reference/STUDY``. No torch."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from taet.claims.rows import Row, Share, known
from taet.report.tables.cells import interval
from taet.report.tables.setting import SettingResults, settings
from taet.scores import notes
from taet.scores.files import read_scored
from taet.scores.summary import of_groups
from taet.study.params.blocks import Params, imbalance_ratio
from taet.study.params.load import load_params
from taet.study.plan.saved import REFERENCE, SavedStudy
from taet.study.store.artifacts import MANIFEST


def saved_rows(params_file: Path) -> Iterator[Row]:
    """One row for each method of each setting of each saved study; none where no study is saved here.

    Raises:
        UserError: saved results are damaged, or of other parameters.
    """
    for manifest in sorted(REFERENCE.glob(f"*/score/{MANIFEST}")):
        study = SavedStudy(load_params(params_file, manifest.parents[1].name))
        tables = study.job("tables")
        scored = read_scored(tables)
        for setting in settings(scored.summary, scored.differences, tables.reads):
            yield from _of_setting(setting, study.params)


def _of_setting(setting: SettingResults, params: Params) -> Iterator[Row]:
    worst = next(
        (n for n, case in params.report.worst_cases.items() if case.attacks == "all"), None
    )
    if worst is None:
        return
    eps, dataset = params.threat.eps, setting.cell[0]
    attacks = {
        name: params.attacks[name].label
        for name in params.grid.attacks
        if params.attacks[name].in_linf_ball(eps)
    }
    summary = of_groups(setting.all_checkpoints)
    summary = summary[summary["checkpoint"] == setting.checkpoint]
    balanced = summary.set_index(["method", "attack", "scope"])
    long_tailed = _long_tailed(setting, worst)
    for method, label in setting.methods.items():
        everything = balanced.loc[(method, worst, "all")]
        has_tail = (method, worst, "tail") in balanced.index
        yield Row(
            dataset=params.datasets[dataset].label,
            imbalance_ratio=imbalance_ratio(setting.cell[1]),
            eps=eps,
            name=label,
            network=params.architectures[setting.cell[2]].label,
            source=f"study {params.study}",
            file=None,
            protocol=None,
            attacks=tuple(attacks.values()),
            complete=set(params.claim.attacks) <= attacks.keys(),
            images=round(everything["test_images"]),
            seeds=int(everything["seeds"]),
            robustness=_share(everything),
            clean=_share(balanced.loc[(method, "clean", "all")]),
            tail=_share(balanced.loc[(method, worst, "tail")]) if has_tail else Share(),
            long_tailed=long_tailed.get(method),
            passes=setting.shown["costs"][method],
            warnings=tuple(notes.split(everything["warnings"])),
        )


def _share(row: "pd.Series[Any]") -> Share:
    """Mean over seeds, with the interval that tables show."""
    low, high = interval(row)
    return Share(known(row["balanced_accuracy"]), known(low), known(high))


def _long_tailed(setting: SettingResults, worst: str) -> dict[str, float]:
    """Accuracy on the long-tailed test set in the worst case, by method."""
    rows = setting.summary[
        (setting.summary["test_set"] == "long_tailed")
        & (setting.summary["checkpoint"] == setting.checkpoint)
        & (setting.summary["attack"] == worst)
        & (setting.summary["scope"] == "all")
    ]
    return dict(zip(rows["method"], rows["accuracy"], strict=True))

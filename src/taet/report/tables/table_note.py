"""The note below a table: what its numbers are, of which images, and what its marks mean."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import pandas as pd

from taet.report.tables.setting import Column, SettingResults
from taet.report.typeset import percent
from taet.scores import notes
from taet.scores.summary import title_of_test_set

CHECKPOINT_TITLES = {
    "last": "Last checkpoint",
    "best": "Best checkpoint, by balanced robustness on validation images",
}


def table_note(
    setting: SettingResults,
    columns: Collection[Column],
    marked: bool = True,
    checkpoints: bool = False,
) -> str:
    """What a reader must know of a table with these columns.

    Args:
        marked: whether the best and the second are marked, and what does not differ significantly.
        checkpoints: whether it shows all checkpoints.
    """
    attacks, report = {attack for attack, _, _ in columns}, setting.shown["report"]
    rows = setting.all_checkpoints if checkpoints else setting.rows
    marks = [meaning_of_marks(setting), _significance(setting, report)]
    parts = [
        _numbers(setting.seeds, report),
        _conditions(rows, setting.test_set),
        *([] if checkpoints else [f"{CHECKPOINT_TITLES[report.checkpoint]}."]),
        f"L-inf eps {setting.shown['threat'].eps:.4g}.",
        *_scopes({scope for _, scope, _ in columns}, report),
        *(marks if marked and meaning_of_marks(setting) else []),
        *_attacks(rows[rows["attack"].isin(attacks)], setting.shown, attacks),
    ]
    return " ".join(parts)


def meaning_of_marks(setting: SettingResults) -> str:
    """What bold and underlined mean; nothing where there is no other method to compare with."""
    if len(setting.methods) < 2:
        return ""
    mean = " mean" if setting.seeds > 1 else ""
    text = f"Bold: the largest{mean}; underlined: the second; equal ones share a rank."
    if setting.collapsed:
        names = ", ".join(label for m, label in setting.methods.items() if m in setting.collapsed)
        text += f" Not ranked, with a network that predicts one class: {names}."
    return text


def _numbers(n: int, report: Any) -> str:
    """What a cell holds."""
    level = f"{percent(report.confidence)} interval"
    spread = (
        f"mean ± standard deviation over n = {n} seeds [{level} of the mean: Student's t, cut to 0 and 100; "
        "-: the seeds do not differ]"
        if n > 1
        else f"n = 1 seed [{level}: bootstrap over its test images, without the variation between "
        "trainings]"
    )
    return f"BA, BR: balanced accuracy and balanced robustness in per cent, {spread}."


def _conditions(rows: pd.DataFrame, test_set: str) -> str:
    """What was tested."""
    of_all = rows[rows["scope"] == "all"]
    images = of_all.iloc[0]["test_images"]
    noise = 100 * of_all["balanced_accuracy_se"].max()
    return (
        f"{title_of_test_set(rows, test_set)}, {images:.0f} images a seed; sampling them alone gives each "
        f"number over all classes a standard error of at most {noise:.1f} points."
    )


def _scopes(scopes: Collection[str], report: Any) -> Iterator[str]:
    """Which classes are meant."""
    shares = {"head": (report.groups.head, "most"), "tail": (report.groups.tail, "least")}
    for scope, (share, which) in shares.items():
        if scope in scopes:
            yield f"{scope.capitalize()}: the {percent(share)} {which} frequent classes."
    if "worst_class" in scopes:
        yield "Worst class: of each seed, the one with the lowest share."


def _significance(setting: SettingResults, report: Any) -> str:
    """Which differences to the largest are significant."""
    if setting.seeds == 1:
        return "With one seed, differences between methods include the variation between trainings."
    return (
        "≈ (all and tail classes only): no significant difference to the largest, since Tukey's "
        f"{percent(report.confidence)} interval, simultaneous for all pairs of methods, contains 0."
    )


def _attacks(
    rows: pd.DataFrame, shown: Mapping[str, Any], attacks: Collection[str]
) -> Iterator[str]:
    """What worst cases are, which attacks have no bound, and what the marks ! warn of."""
    labels = shown["labels"]
    for name, worst in shown["report"].worst_cases.items():
        if name in attacks:
            members = (
                "all attacks in the L-inf ball"
                if worst.attacks == "all"
                else " and ".join(labels["attacks"][attack] for attack in worst.attacks)
            )
            yield f"{labels['attacks'][name]}: robust under {members}."
    unbounded = rows[rows["norm"].notna() & rows["eps"].isna()]["attack"].unique()
    if len(unbounded):
        names = ", ".join(labels["attacks"][attack] for attack in unbounded)
        yield (
            f"{names}: not bounded by any eps; what counts, in parentheses, is the median over attacked "
            "images of the norm that fools the model (∞: half of them were not fooled), mean over seeds."
        )
    warned = rows[(rows["scope"] == "all") & rows["warnings"].notna()]
    warnings = warned.assign(warnings=warned["warnings"].map(notes.split)).explode("warnings")
    for text, of_text in warnings.groupby("warnings", sort=False):
        methods = ", ".join(dict.fromkeys(labels["methods"][m] for m in of_text["method"]))
        yield f"!: {methods}: {text}."

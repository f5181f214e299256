"""The note below a table: what its numbers are, of which images, and what its marks mean."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import pandas as pd

from taet.report.tables.setting import Column, SettingResults
from taet.report.titles import eps_text
from taet.report.typeset import NONE, percent
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
    attacks, report = {column.attack for column in columns}, setting.shown["report"]
    rows = setting.all_checkpoints if checkpoints else setting.rows
    marks = [meaning_of_marks(setting), _significance(setting, report)]
    parts = [
        _numbers(setting.seeds, report),
        _conditions(rows, setting.test_set),
        *([] if checkpoints else [f"{CHECKPOINT_TITLES[report.checkpoint]}."]),
        f"L-inf eps {eps_text(setting.shown['threat'].eps)}.",
        *_scopes({column.scope for column in columns}, report),
        *_disparity({column.metric for column in columns}),
        *(marks if marked and meaning_of_marks(setting) else []),
        *_attacks(rows[rows["attack"].isin(attacks)], setting.shown, attacks),
    ]
    return " ".join(parts)


def meaning_of_marks(setting: SettingResults) -> str:
    """What bold and underlined mean; nothing where there is no other method to compare with."""
    if len(setting.methods) < 2:
        return ""
    mean = " mean" if setting.seeds > 1 else ""
    text = f"Bold: the largest{mean}; underlined: the second."
    if setting.collapsed:
        names = ", ".join(label for m, label in setting.methods.items() if m in setting.collapsed)
        text += f" Not ranked, since a network predicts one class: {names}."
    return text


def _numbers(n: int, report: Any) -> str:
    """What a cell holds."""
    level = f"{percent(report.confidence)} interval"
    spread = (
        f"Mean ± standard deviation over n = {n} seeds [{level} of the mean; {NONE}: under 0.1 points wide]"
        if n > 1
        else f"One seed, n = 1 [{level} over test images only; {NONE}: under 0.1 points wide]"
    )
    return f"BA, BR: balanced accuracy and balanced robustness in %. {spread}."


def _conditions(rows: pd.DataFrame, test_set: str) -> str:
    """What was tested."""
    of_all = rows[rows["scope"] == "all"]
    images = of_all.iloc[0]["test_images"]
    noise = 100 * of_all["balanced_accuracy_se"].max()
    return (
        f"{title_of_test_set(rows, test_set)}, {images:,.0f} images per seed (standard error from sampling "
        f"them: at most {noise:.1f} points over all classes)."
    )


def _scopes(scopes: Collection[str], report: Any) -> Iterator[str]:
    """Which classes are meant."""
    shares = {"head": (report.groups.head, "most"), "tail": (report.groups.tail, "least")}
    for scope, (share, which) in shares.items():
        if scope in scopes:
            yield f"{scope.capitalize()}: the {percent(share)} {which} frequent classes."
    if "worst_class" in scopes:
        yield "Worst class: the class with the lowest accuracy in each seed."


def _disparity(metrics: Collection[str]) -> Iterator[str]:
    """How unequal classes are, and why no value is marked."""
    if "class_range" in metrics:
        yield "Class range: the largest minus the smallest accuracy of a class."
    if "head_tail_gap" in metrics:
        yield "Head-tail gap: head minus tail; negative where the tail is more robust."
    if "class_range" in metrics or "head_tail_gap" in metrics:
        yield "Neither is ranked: a network that is always wrong has none."


def _significance(setting: SettingResults, report: Any) -> str:
    """Which differences to the largest are significant."""
    if setting.seeds == 1:
        return "With one seed, differences between methods include the variation between trainings."
    return (
        "≈ (all and tail classes only): not significantly different from the largest "
        f"(Tukey's {percent(report.confidence)} intervals for all pairs)."
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
            f"{names}: not bounded by any eps; in parentheses the median norm that fools the model, mean "
            "over seeds (∞: half of the attacked images were not fooled)."
        )
    warned = rows[(rows["scope"] == "all") & rows["warnings"].notna()]
    warnings = warned.assign(warnings=warned["warnings"].map(notes.split)).explode("warnings")
    for text, of_text in warnings.groupby("warnings", sort=False):
        methods = ", ".join(dict.fromkeys(labels["methods"][m] for m in of_text["method"]))
        yield f"!: {methods}: {text}."

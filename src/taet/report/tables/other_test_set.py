"""What methods reach on a test set that the other tables do not show."""

from collections.abc import Sequence

from taet.report.tables.cells import accuracy_text
from taet.report.tables.methods import method_table
from taet.report.tables.setting import Column, SettingResults
from taet.report.typeset import Table
from taet.scores.summary import of_groups

TITLES = {"balanced": "on the other test set", "long_tailed": "on the long-tailed test set"}


def other_test_set_table(setting: SettingResults, columns: Sequence[Column]) -> Table:
    """Some columns on the setting's test set, and accuracies that are not balanced, clean and attacked."""
    report = setting.shown["report"]
    plain = method_table(setting, TITLES[setting.test_set], columns)
    attack = report.figure_attack
    label = setting.shown["labels"]["attacks"][attack]
    accuracies = {"clean": "Accuracy", attack: f"Accuracy, {label}"}
    values = of_groups(setting.rows).set_index(["method", "attack", "scope"])
    rows = [
        [
            *row,
            *(
                accuracy_text(values.loc[(method, attack, "all")], report.confidence)
                for attack in accuracies
            ),
        ]
        for method, row in zip(setting.methods, plain.rows, strict=True)
    ]
    source = "over seeds" if setting.seeds > 1 else "from its standard error"
    frequent = "; most are of frequent classes" if setting.test_set == "long_tailed" else ""
    note = f"{plain.note} Accuracy: share of test images classified correctly [interval: {source}]{frequent}."
    return Table(
        plain.about, plain.title, note, [*plain.head, *accuracies.values()], rows, plain.marks
    )

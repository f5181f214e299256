"""Which columns the tables have: a column is an attack, the classes that count, and a title."""

from taet.report.tables.setting import SCOPES, Column, SettingResults


def overview(setting: SettingResults) -> list[Column]:
    """BA, BR under the headline attack and in the worst cases, BR of the tail if there is one."""
    report, labels = setting.shown["report"], setting.shown["labels"]["attacks"]
    headline = report.headline_attack
    attacks = [headline, *report.worst_cases]
    columns = [("clean", "all", "BA"), *((a, "all", f"BR {labels[a]}") for a in attacks)]
    tail = (headline, "tail", f"BR {labels[headline]} tail")
    return [*columns, *([tail] if "tail" in setting.scopes else [])]


def every_attack(setting: SettingResults) -> list[Column]:
    """BA and the BR under every attack and in every worst case, over all classes."""
    labels = setting.shown["labels"]["attacks"]
    return [("clean", "all", "BA"), *((a, "all", f"BR {label}") for a, label in labels.items())]


def clean_and_headline(setting: SettingResults) -> list[Column]:
    """BA and BR under the headline attack, over all classes."""
    attacks = ("clean", setting.shown["report"].headline_attack)
    return [column for column in every_attack(setting) if column[0] in attacks]


def by_class_frequency(setting: SettingResults) -> list[Column]:
    """The same for head, medium and tail classes and the worst class."""
    return [
        (attack, scope, f"{title} {SCOPES[scope]}")
        for attack, _, title in clean_and_headline(setting)
        for scope in setting.scopes
    ]


def all_and_tail(setting: SettingResults) -> list[Column]:
    """BA and BR under the headline attack, over all and over tail classes."""
    tail = [column for column in by_class_frequency(setting) if column[1] == "tail"]
    return clean_and_headline(setting) + tail

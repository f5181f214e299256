"""Which columns the tables have; see ``taet.report.tables.setting.Column``."""

from taet.report.tables.setting import DISPARITY, SCOPES, Column, SettingResults


def overview(setting: SettingResults) -> list[Column]:
    """BA, BR under the headline attack and in the worst cases, BR of the tail if there is one."""
    report, labels = setting.shown["report"], setting.shown["labels"]["attacks"]
    headline = report.headline_attack
    attacks = [headline, *report.worst_cases]
    columns = [Column("clean", "all", "BA")]
    columns += [Column(a, "all", f"BR {labels[a]}") for a in attacks]
    tail = Column(headline, "tail", f"BR {labels[headline]} tail")
    return [*columns, *([tail] if "tail" in setting.scopes else [])]


def every_attack(setting: SettingResults) -> list[Column]:
    """BA and the BR under every attack and in every worst case, over all classes."""
    labels = setting.shown["labels"]["attacks"]
    robust = [Column(attack, "all", f"BR {label}") for attack, label in labels.items()]
    return [Column("clean", "all", "BA"), *robust]


def clean_and_headline(setting: SettingResults) -> list[Column]:
    """BA and BR under the headline attack, over all classes."""
    attacks = ("clean", setting.shown["report"].headline_attack)
    return [column for column in every_attack(setting) if column.attack in attacks]


def by_class_frequency(setting: SettingResults) -> list[Column]:
    """The same for head, medium and tail classes and the worst class; how far classes differ."""
    by_scope = [
        column._replace(scope=scope, title=f"{column.title} {SCOPES[scope]}")
        for column in clean_and_headline(setting)
        for scope in setting.scopes
    ]
    robust = clean_and_headline(setting)[-1]
    return by_scope + [
        robust._replace(title=f"{robust.title} {title}", metric=metric)
        for metric, title in DISPARITY.items()
        if metric in setting.rows and setting.rows[metric].notna().any()
    ]


def all_and_tail(setting: SettingResults) -> list[Column]:
    """BA and BR under the headline attack, over all and over tail classes."""
    tail = [column for column in by_class_frequency(setting) if column.scope == "tail"]
    return clean_and_headline(setting) + tail

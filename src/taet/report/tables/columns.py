"""Which columns the tables have; see ``taet.report.tables.setting.Column``."""

from taet.report.tables.setting import DISPARITY, SCOPES, Column, SettingResults


def overview(setting: SettingResults) -> list[Column]:
    """BA, BR under the headline attack and in the worst cases, BR of the tail if there is one.

    The tail, like all that is not over all classes, has the attack that figures show: the worst case, unless
    the parameters name another.
    """
    report, labels = setting.shown["report"], setting.shown["labels"]["attacks"]
    attacks = [report.headline_attack, *report.worst_cases]
    columns = [Column("clean", "all", "BA")]
    columns += [Column(a, "all", f"BR {labels[a]}") for a in attacks]
    robust = report.figure_attack
    tail = Column(robust, "tail", f"BR {labels[robust]}, tail")
    return [*columns, *([tail] if "tail" in setting.scopes else [])]


def every_attack(setting: SettingResults) -> list[Column]:
    """BA and the BR under every attack and in every worst case, over all classes."""
    labels = setting.shown["labels"]["attacks"]
    robust = [Column(attack, "all", f"BR {label}") for attack, label in labels.items()]
    return [Column("clean", "all", "BA"), *robust]


def clean_and_robust(setting: SettingResults) -> list[Column]:
    """BA and BR under the attack that figures show, over all classes."""
    attacks = ("clean", setting.shown["report"].figure_attack)
    return [column for column in every_attack(setting) if column.attack in attacks]


def by_class_frequency(setting: SettingResults) -> list[Column]:
    """The same for head, medium and tail classes and the worst class; how far classes differ."""
    by_scope = [
        column._replace(scope=scope, title=f"{column.title}, {SCOPES[scope]}")
        for column in clean_and_robust(setting)
        for scope in setting.scopes
    ]
    robust = clean_and_robust(setting)[-1]
    return by_scope + [
        robust._replace(title=f"{robust.title}, {title}", metric=metric)
        for metric, title in DISPARITY.items()
        if metric in setting.rows and setting.rows[metric].notna().any()
    ]


def all_and_tail(setting: SettingResults) -> list[Column]:
    """BA and BR under the attack that figures show, over all and over tail classes."""
    tail = [column for column in by_class_frequency(setting) if column.scope == "tail"]
    return clean_and_robust(setting) + tail

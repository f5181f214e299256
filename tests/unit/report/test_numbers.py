"""The table of the page has the numbers of the other tables, each with its seeds."""

import pandas as pd

from taet.report import tables
from taet.report.numbers import axes, numbers, own_axes
from taet.report.tables.setting import settings
from tests.unit.report import test_tables as made


def columns() -> dict[str, list[list]]:
    results = settings(made.summary(), made.differences(), made.SHOWN)
    return numbers(results, made.metrics())


def test_numbers_are_those_of_the_tables() -> None:
    """Texts and marks of every column of the first two tables."""
    all_classes, by_frequency, *_ = tables.main_tables(
        made.summary(), made.differences(), made.SHOWN
    )
    titles = {
        "clean/all": (all_classes, 1), "pgd/all": (all_classes, 2), "worst/all": (all_classes, 3),
        "clean/head": (by_frequency, 1), "clean/tail": (by_frequency, 2), "pgd/tail": (by_frequency, 5),
    }  # fmt: skip
    for name, (table, position) in titles.items():
        column = columns()[f"d/10/net/last/balanced/{name}"]
        assert [cell[0] for cell in column] == [row[position] for row in table.rows], name
        marks = [table.marks.get((row, position), "") for row in range(len(table.rows))]
        assert [cell[1] for cell in column] == marks, name


def test_a_cell_has_its_seeds_and_its_difference_to_the_best() -> None:
    best, other = columns()["d/10/net/last/balanced/pgd/all"]
    assert best == ["41.0 ± 1.0 [38.5, 43.5]", "best", "", [40.0, 41.0, 42.0]]
    assert other[2:] == [
        "\N{MINUS SIGN}20.0 [\N{MINUS SIGN}24.0, \N{MINUS SIGN}15.0]",
        [20.0, 21.0, 22.0],
    ]


def test_single_classes_and_accuracy_are_scopes() -> None:
    frame = made.metrics().assign(accuracy=lambda rows: rows["accuracy"] + 0.1)
    results = settings(made.summary(frame), made.differences(), made.SHOWN)
    column = numbers(results, frame)
    assert column["d/10/net/last/balanced/clean/class 1"][0][0].startswith("61.0 ± 1.0")
    assert column["d/10/net/last/balanced/clean/accuracy"][0][0].startswith("71.0 ± 1.0")
    assert column["d/10/net/last/balanced/clean/accuracy"][0][3] == [70.0, 71.0, 72.0]
    scopes = own_axes(made.summary())["d"]["scope"]
    assert list(scopes) == ["all", "head", "tail", "worst_class", "accuracy", "class 0", "class 1"]


def test_of_many_classes_the_rarest_are_shown() -> None:
    one = made.metrics()[lambda rows: rows["class_index"] == "0"]
    many = [
        one.assign(class_index=str(c), class_name=f"c{c}", train_images=100 - c) for c in range(100)
    ]
    frame = pd.concat([made.metrics()[lambda rows: rows["scope"] != "class"], *many])
    names = numbers(settings(made.summary(frame), made.differences(), made.SHOWN), frame)
    classes = {name.rpartition("class ")[2] for name in names if "class " in name}
    assert classes == {str(c) for c in range(90, 100)}
    scopes = own_axes(made.summary(frame))["d"]["scope"]
    assert {title for title in scopes.values() if title.startswith("Class ")} == {
        f"Class c{c}" for c in range(90, 100)
    }


def test_other_test_sets_and_checkpoints() -> None:
    """Each with numbers, and comparisons, of its own."""
    frame = made.metrics()
    both = pd.concat(
        [
            frame,
            frame.assign(test_set="long_tailed", balanced_accuracy=frame["balanced_accuracy"] / 2),
            frame.assign(checkpoint="best", balanced_accuracy=frame["balanced_accuracy"] / 4),
        ]
    )
    pairs = pd.concat([made.differences(), made.differences().assign(checkpoint="best", low=-0.01)])
    summary = made.summary(both)
    column = numbers(settings(summary, pairs, made.SHOWN), both)
    assert column["d/10/net/last/long_tailed/clean/all"][0][0].startswith("30.5 ")
    assert column["d/10/net/last/long_tailed/pgd/all"][1][2] == "", "no interval is known"
    assert column["d/10/net/best/balanced/clean/all"][0][0].startswith("15.2 ")
    assert column["d/10/net/best/balanced/pgd/all"][1][0].endswith("≈")
    assert not column["d/10/net/last/balanced/pgd/all"][1][0].endswith("≈")
    assert list(axes(summary, made.SHOWN)["checkpoint"].values()) == [
        "Last checkpoint",
        "Best checkpoint",
    ]


def test_every_column_can_be_selected() -> None:
    titles = axes(made.summary(), made.SHOWN) | own_axes(made.summary())["d"]
    names = (
        "dataset",
        "imbalance_ratio",
        "architecture",
        "checkpoint",
        "test_set",
        "attack",
        "scope",
    )
    for column in columns():
        values = zip(names, column.split("/"), strict=True)
        assert all(value in titles[name] for name, value in values), column


def test_a_class_without_test_images_has_no_value() -> None:
    frame = made.metrics()
    frame.loc[(frame["class_index"] == "1") & (frame["seed"] == 1), "balanced_accuracy"] = float(
        "nan"
    )
    results = settings(made.summary(frame), made.differences(), made.SHOWN)
    cell = numbers(results, frame)["d/10/net/last/balanced/clean/class 1"][0]
    assert cell[3] == [60.0, None, 62.0]

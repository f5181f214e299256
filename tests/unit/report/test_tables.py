"""Tables and figures from small, hand-made metrics."""

import math
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from taet.collapse import COLLAPSED
from taet.report import tables, typeset
from taet.report.style import fix_layout, to_bytes
from taet.report.tables.cells import difference_text, number_text, ranks
from taet.report.tables.headline import headline
from taet.report.tables.methods import method_table
from taet.report.tables.setting import Column, settings
from taet.scores import tukey
from taet.scores.summary import over_seeds, title_of_test_set, with_bootstrap
from taet.study.params import plugins
from taet.study.plan.variants import STABILIZATION_EPOCHS

SHOWN = {
    "report": SimpleNamespace(
        test_set="balanced",
        checkpoint="last",
        headline_attack="pgd",
        figure_attack="pgd",
        confidence=0.95,
        groups=SimpleNamespace(head=0.5, tail=0.5),
        worst_cases={"worst": SimpleNamespace(label="worst", attacks="all")},
    ),
    "labels": {
        "datasets": {"d": "Data_1"},
        "architectures": {"net": "Net"},
        "methods": {"b": "B & C", "a": "A|x"},
        "attacks": {"pgd": "PGD-2", "worst": "worst"},
    },
    "study": "s",
    "threat": SimpleNamespace(eps=0.1),
    "costs": {"b": 40.0, "a": 20.0},
    "families": {"b": ("k", 0), "a": ("k", 1)},
    "published": [
        {
            "dataset": "d",
            "imbalance_ratio": "10",
            "method": "b",
            "attack": attack,
            "value": value,
            "uncertainty": error,
            "source": "X 2025",
            "architecture": "",
            "test_set": "long_tailed",
            "selection": selection,
        }
        for selection, attack, value, error in (
            ("last", "clean", 62.5, None),
            ("last", "pgd", 40.0, 0.1),
            ("best_on_test", "pgd", 42.0, 0.1),
        )
    ]
    + [
        {
            "dataset": "d",
            "imbalance_ratio": "50",
            "method": "a",
            "attack": "clean",
            "value": 1.0,
            "uncertainty": None,
            "source": "X 2025",
            "architecture": "",
            "test_set": "",
            "selection": "",
        }
    ],
    "variants": {
        "k": {
            "b": {"stabilization epochs": 4, "alpha": 0.5, "beta": 1.0, "gamma": 0.0},
            "a": {"stabilization epochs": 0, "alpha": None, "beta": 0.1, "gamma": 0.0},
        }
    },
}


def metrics(seeds: int = 3) -> pd.DataFrame:
    rows = []
    for method, level in (("b", 0.6), ("a", 0.4)):
        for seed in range(seeds):
            for attack, loss in (("clean", 0.0), ("pgd", 0.2), ("worst", 0.3)):
                for scope, index in (
                    ("all", None),
                    ("head", None),
                    ("tail", None),
                    ("worst_class", None),
                    ("class", 0),
                    ("class", 1),
                ):
                    value = level - loss + 0.01 * seed
                    rows.append(
                        {
                            "dataset": "d", "imbalance_ratio": "10", "architecture": "net",
                            "method": method, "seed": seed, "checkpoint": "last", "test_set": "balanced", "attack": attack,
                            "scope": scope, "class_index": None if index is None else str(index),
                            "class_name": None if index is None else f"c{index}",
                            "train_images": 5, "test_images": 50, "accuracy": value,
                            "accuracy_se": 0.02, "balanced_accuracy": value, "balanced_accuracy_se": 0.03,
                            "median_distance": math.nan if attack == "clean" else 0.1,
                            "norm": None if attack == "clean" else "linf",
                            "eps": math.nan if attack == "clean" else 0.1, "warnings": None,
                        }
                    )  # fmt: skip
    return pd.DataFrame(rows)


def intervals() -> pd.DataFrame:
    frame = metrics(1)
    frame = frame[frame["scope"].isin(["all", "head", "tail"])].drop(
        columns=["class_index", "class_name"]
    )
    value = frame["balanced_accuracy"]
    return frame.assign(low=value - 0.05, high=value + 0.04)


def summary(frame: pd.DataFrame | None = None) -> pd.DataFrame:
    return with_bootstrap(over_seeds(metrics() if frame is None else frame, 0.95), intervals())


def differences() -> pd.DataFrame:
    """Of one family alone: PGD over all classes."""
    row = {
        "dataset": "d",
        "imbalance_ratio": "10",
        "architecture": "net",
        "checkpoint": "last",
        "test_set": "balanced",
    }
    row |= {"attack": "pgd", "scope": "all", "method": "b", "other": "a", "seeds": 3}
    row |= {"difference": 0.2, "low": 0.15, "high": 0.24, "detectable": 0.034}
    return pd.DataFrame([row | {"method_pooled": True, "other_pooled": True}])


def table_of(title: str, frame: pd.DataFrame, pairs: pd.DataFrame) -> typeset.Table:
    """The table whose title has these words."""
    (found,) = (t for t in tables.main_tables(frame, pairs, SHOWN) if t.title.startswith(title))
    return found


def test_a_column_of_another_metric() -> None:
    (setting,) = settings(summary(), differences(), SHOWN)
    columns = [Column("pgd", "all", "BR"), Column("pgd", "all", "Accuracy", "accuracy")]
    table = method_table(setting, "two metrics", columns)
    assert table.head == ["Method", "BR", "Accuracy"]
    rows = setting.rows.set_index(["method", "attack", "scope"])
    for method, row in zip(setting.methods, table.rows, strict=True):
        mean = rows.loc[(method, "pgd", "all"), "accuracy"]
        assert row[2].startswith(f"{100 * mean:.1f} ± "), (
            "no mark of significance: it is not compared"
        )
        assert "≈" not in row[2]
        assert row[1].startswith(
            f"{100 * rows.loc[(method, 'pgd', 'all'), 'balanced_accuracy']:.1f} "
        )


def test_differences_to_the_best() -> None:
    table = table_of("differences", summary(), differences())
    assert table.title.endswith("differences to B & C, BR PGD-2")
    assert table.head == ["Method", "Difference", "Significant"]
    assert table.rows == [
        ["A|x", "\N{MINUS SIGN}20.0 [\N{MINUS SIGN}24.0, \N{MINUS SIGN}15.0]", "yes"]
    ]
    assert (
        "n = 3 seeds [Tukey's 95 % interval for both methods, equal variance assumed]" in table.note
    )
    assert table.note.endswith("Smallest detectable difference (power 80 %): 3.4 points.")
    assert "Left out" not in table.note
    table = table_of("differences", summary(), differences().assign(low=-0.01))
    assert table.rows == [["A|x", "\N{MINUS SIGN}20.0 [\N{MINUS SIGN}24.0, +1.0]", "no"]]


def test_a_method_without_variance_is_named_and_nothing_is_claimed_without_an_interval() -> None:
    none = differences().assign(low=math.nan, high=math.nan, detectable=math.nan)
    table = table_of("differences", summary(), none.assign(other_pooled=False))
    assert table.rows == [["A|x", "\N{MINUS SIGN}20.0", "\N{EN DASH}"]]
    assert table.note.endswith(
        "Excluded from the variance, since all seeds lie within 1 % of 0 or 100 %: A|x."
    )
    first, *_ = tables.main_tables(summary(), none, SHOWN)
    assert "≈" not in first.rows[1][2]


def test_no_interval_without_a_width() -> None:
    """Seeds that agree by chance do not show how far another would be from them."""
    frame = metrics().assign(balanced_accuracy=0.25)
    row = over_seeds(frame, 0.95).iloc[0]
    assert number_text(row) == "25.0 ± 0.0 [\N{EN DASH}]"
    assert math.isnan(row["balanced_accuracy_low"])
    assert math.isnan(row["balanced_accuracy_high"])
    wide = over_seeds(frame.assign(balanced_accuracy=0.25 + 1e-5 * frame["seed"]), 0.95).iloc[0]
    assert number_text(wide) == "25.0 ± 0.0 [\N{EN DASH}]"
    known = over_seeds(metrics(1), 0.95).iloc[0].copy()
    known["bootstrap_low"] = known["bootstrap_high"] = 0.6
    assert number_text(known) == "60.0 [\N{EN DASH}]", (
        "of saved results that had no image wrong, or none right"
    )


@pytest.mark.parametrize(
    ("low", "high", "shown"), [(0.20561, 0.20639, "\N{EN DASH}"), (0.2054, 0.2061, "20.5, 20.6")]
)
def test_no_interval_has_equal_ends_as_printed(low: float, high: float, shown: str) -> None:
    """Neither of Student's t nor of the bootstrap, nor of a difference."""
    ends = {"balanced_accuracy_low": low, "balanced_accuracy_high": high}
    ends |= {"bootstrap_low": low, "bootstrap_high": high, "balanced_accuracy_sd": 0.0001}
    about = {"warnings": None, "norm": None, "eps": 0.1, "balanced_accuracy": 0.206}
    for seeds in (1, 3):
        row = pd.Series(ends | about | {"seeds": seeds})
        assert number_text(row) == f"20.6 ± 0.0 [{shown}]"
    pair = pd.Series({"difference": -0.206, "low": -high, "high": -low})
    minus = shown if shown == "\N{EN DASH}" else "\N{MINUS SIGN}20.6, \N{MINUS SIGN}20.5"
    assert difference_text(pair) == f"\N{MINUS SIGN}20.6 [{minus}]"


def test_over_seeds_by_hand() -> None:
    summary = over_seeds(metrics(), 0.95)
    row = summary[
        (summary["method"] == "b") & (summary["attack"] == "pgd") & (summary["scope"] == "all")
    ]
    assert len(row) == 1
    row = row.iloc[0]
    assert row["seeds"] == 3
    assert row["balanced_accuracy"] == pytest.approx(0.41)
    assert row["balanced_accuracy_sd"] == pytest.approx(0.01)
    reach = 4.302653 * 0.01 / math.sqrt(3)  # Student's t with 2 degrees of freedom
    assert row["balanced_accuracy_low"] == pytest.approx(0.41 - reach, abs=1e-6)
    assert row["balanced_accuracy_high"] == pytest.approx(0.41 + reach, abs=1e-6)


def test_one_seed_has_no_spread() -> None:
    row = over_seeds(metrics(1), 0.95).iloc[0]
    assert row["seeds"] == 1
    assert math.isnan(row["balanced_accuracy_sd"])
    assert math.isnan(row["balanced_accuracy_low"])
    table = next(tables.main_tables(summary(metrics(1)), differences(), SHOWN))
    assert table.rows[0][1] == "60.0 [55.0, 64.0]"
    assert (
        "One seed, n = 1 [95 % interval over test images only; \N{EN DASH}: under 0.1 points wide]"
        in table.note
    )


def test_bootstrap_stands_beside_what_it_belongs_to() -> None:
    frame = summary()
    one = (frame["method"] == "a") & (frame["attack"] == "pgd")
    assert frame[one & (frame["scope"] == "tail")]["bootstrap_low"].item() == pytest.approx(0.15)
    assert frame[one & (frame["scope"] == "class")]["bootstrap_low"].isna().all()
    assert len(frame) == len(over_seeds(metrics(), 0.95))


def test_main_tables() -> None:
    first, second, *_ = tables.main_tables(summary(), differences(), SHOWN)
    assert first.head == ["Method", "BA", "BR PGD-2", "BR worst"]
    assert [row[:3] for row in first.rows] == [
        ["B & C", "61.0 ± 1.0 [58.5, 63.5]", "41.0 ± 1.0 [38.5, 43.5]"],
        ["A|x", "41.0 ± 1.0 [38.5, 43.5]", "21.0 ± 1.0 [18.5, 23.5]"],
    ]
    assert "worst: robust under all attacks in the L-inf ball." in first.note
    assert "!" not in first.note
    assert "n = 3 seeds" in first.note
    assert "Balanced test set, 50 images" in first.note
    assert first.caption == "Data_1, IR 10, Net: all classes"
    assert second.head[1:] == [
        "BA, head", "BA, tail", "BA, worst class",
        "BR PGD-2, head", "BR PGD-2, tail", "BR PGD-2, worst class",
    ]  # fmt: skip


def test_the_worst_case_is_shown_wherever_one_attack_is() -> None:
    """Not the headline attack, which flatters some methods."""
    report = SimpleNamespace(**{**vars(SHOWN["report"]), "figure_attack": "worst"})
    pairs = pd.concat([differences(), differences().assign(attack="worst", difference=0.3)])
    found = list(tables.main_tables(summary(both_test_sets(3)), pairs, SHOWN | {"report": report}))
    heads = {table.title: " ".join([table.title, *table.head]) for table in found[1:]}
    del heads["beside published numbers"]
    for title, head in heads.items():
        assert "worst" in head, title
        assert ("PGD-2" in head) == title.startswith("on the"), title
    (other,) = (table for table in found if table.title.startswith("on the long-tailed"))
    assert other.head[-3:] == ["BR worst, tail", "Accuracy", "Accuracy, worst"]
    (compared,) = (table for table in found if table.title.startswith("differences"))
    assert compared.rows[0][1].startswith("\N{MINUS SIGN}30.0")


def test_unbounded_attacks_and_warnings_are_marked() -> None:
    frame = metrics()
    pgd = frame["attack"] == "pgd"
    frame.loc[pgd, ["norm", "eps"]] = ["l2", math.nan]
    frame.loc[pgd & (frame["method"] == "a") & (frame["seed"] == 1), "warnings"] = "odd; very\nlate"
    frame.loc[pgd & (frame["method"] == "a") & (frame["seed"] == 2), "warnings"] = "odd; very"
    first, *_ = tables.main_tables(summary(frame), differences(), SHOWN)
    assert first.rows[0][2] == "41.0 ± 1.0 [38.5, 43.5] (L2 0.10)"
    assert first.rows[1][2] == "21.0 ± 1.0 [18.5, 23.5]! (L2 0.10)"
    assert "PGD-2: not bounded by any eps" in first.note
    assert first.note.endswith(" !: A|x: odd; very. !: A|x: late."), "each once, none cut"
    both = pd.concat([metrics(), frame.assign(checkpoint="best")])
    table = table_of("checkpoints", summary(both), differences())
    assert table.note.endswith(" !: A|x: odd; very. !: A|x: late."), (
        "of a checkpoint that other tables do not show"
    )
    assert "Last checkpoint" not in table.note
    assert "Last checkpoint" in table_of("all classes", summary(both), differences()).note
    assert "odd" not in table_of("all classes", summary(both), differences()).note


def test_notes_explain_what_their_table_has() -> None:
    first, second, *_ = tables.main_tables(summary(), differences(), SHOWN)
    assert "Tail:" not in first.note
    assert (
        "Head: the 50 % most frequent classes. Tail: the 50 % least frequent classes."
        in second.note
    )
    assert "Worst class:" in second.note
    groups = SimpleNamespace(head=0.3, tail=0.2)
    shown = SHOWN | {"report": SimpleNamespace(**{**vars(SHOWN["report"]), "groups": groups})}
    _, second, *_ = tables.main_tables(summary(), differences(), shown)
    assert (
        "Head: the 30 % most frequent classes. Tail: the 20 % least frequent classes."
        in second.note
    )
    assert "≈" not in table_of("beside published", summary(), differences()).note


def test_one_seed_tells_no_difference() -> None:
    frame = summary(metrics(1))
    found = list(tables.main_tables(frame, tukey.differences(metrics(1), 0.95), SHOWN))
    assert not any("differences" in table.title for table in found)
    assert not any("≈" in cell for table in found for row in table.rows for cell in row)
    assert (
        "One seed, n = 1 [95 % interval over test images only; \N{EN DASH}: under 0.1 points wide]"
        in found[0].note
    )
    assert "With one seed" in found[0].note
    (rarest,) = (table for table in found if table.title == "the rarest classes")
    assert "in %, n = 1 seed." in rarest.note


def test_one_method_is_compared_with_nothing() -> None:
    frame = summary(metrics()[lambda rows: rows["method"] == "a"])
    labels = {**SHOWN["labels"], "methods": {"a": "A"}}
    shown = SHOWN | {"labels": labels, "published": [], "variants": {}}
    found = list(tables.main_tables(frame, differences().iloc[:0], shown))
    assert {"all classes", "the rarest classes"} <= {table.title for table in found}
    for table in found:
        assert not table.marks, table.title
        assert "Bold" not in table.note, table.title


def test_labels_that_latex_would_take_for_its_own() -> None:
    labels = {**SHOWN["labels"], "methods": {"b": "[12] B", "a": "*A"}}
    first, *_ = tables.main_tables(summary(), differences(), SHOWN | {"labels": labels})
    text = typeset.latex([first])
    assert "{}[12] B &" in text
    assert "{}*A &" in text
    assert r"| \*A |" in typeset.markdown([first], "T")


def test_markdown_and_latex_escape_names() -> None:
    both = list(tables.main_tables(summary(), differences(), SHOWN))
    text = typeset.markdown(both, "T")
    assert "| A\\|x |" in text
    latex = typeset.latex(both)
    assert r"B \& C" in latex
    assert r"Data\_1" in latex
    assert r"61.0 $\pm$ 1.0" in latex
    assert latex.count(r"\begin{tabular}") == latex.count(r"\end{tabular}")
    assert latex.count(r"\begin{table*}") == latex.count(r"\end{table*}") == 7


def test_best_and_second_stand_out() -> None:
    first, *_ = tables.main_tables(summary(), differences(), SHOWN)
    assert first.marks[0, 1] == first.marks[0, 2] == "best"
    assert first.marks[1, 2] == "second"
    assert "| **41.0 ± 1.0 [38.5, 43.5]** |" in typeset.markdown([first], "T")
    latex = typeset.latex([first])
    assert r"\textbf{41.0 $\pm$ 1.0}\\[-0.5ex] \scriptsize [38.5, 43.5]" in latex
    assert "<u>21.0" in typeset.markdown([first], "T")
    assert r"\underline{21.0" in typeset.latex([first])


@pytest.mark.parametrize(
    ("low", "high", "equal"), [(0.15, 0.24, False), (-0.01, 0.24, True), (-0.3, -0.1, False)]
)
def test_what_does_not_differ_from_the_best_is_marked(low: float, high: float, equal: bool) -> None:
    pairs = differences().assign(low=low, high=high)
    first, *_ = tables.main_tables(summary(), pairs, SHOWN)
    assert first.rows[1][2].endswith(" ≈") == equal
    assert not first.rows[0][2].endswith("≈"), "the best itself"
    assert not first.rows[1][1].endswith("≈"), "nothing is known of this column"
    assert ("$\\approx$" in typeset.latex([first]).split("rule")[2]) == equal


def test_a_column_of_the_tail_has_marks_of_its_own() -> None:
    """Of tail classes nothing is claimed that holds over all classes alone."""
    tail = differences().assign(scope="tail", low=-0.01)
    table = table_of("by class frequency", summary(), pd.concat([differences(), tail]))
    row = dict(zip(table.head, table.rows[1], strict=True))
    assert row["BR PGD-2, tail"].endswith(" ≈")
    first = table_of("all classes", summary(), pd.concat([differences(), tail]))
    assert not first.rows[1][2].endswith("≈")


def test_how_unequal_classes_are_is_shown_and_never_ranked() -> None:
    frame = metrics()
    gap = 0.1 * frame["seed"] - 0.3 * (frame["method"] == "a")
    frame = frame.assign(class_range=0.25, head_tail_gap=gap.where(frame["scope"] == "all"))
    table = table_of("by class frequency", summary(frame), differences())
    assert table.head[-2:] == ["BR PGD-2, class range", "BR PGD-2, head-tail gap"]
    assert table.rows[0][-2:] == [
        "25.0 ± 0.0 [\N{EN DASH}]",
        "10.0 ± 10.0 [\N{MINUS SIGN}14.8, 34.8]",
    ]
    assert table.rows[1][-1] == "\N{MINUS SIGN}20.0 ± 10.0 [\N{MINUS SIGN}44.8, 4.8]"
    assert not {column for _, column in table.marks} & {len(table.head) - 1, len(table.head) - 2}
    assert "Head-tail gap: head minus tail;" in table.note
    older = table_of("by class frequency", summary(), differences())
    assert "class range" not in " ".join([older.note, *older.head])


def test_a_single_method_has_no_differences() -> None:
    alone = {
        "labels": {**SHOWN["labels"], "methods": {"b": "B & C"}},
        "variants": {},
        "costs": {"b": 1.0},
    }
    frame = summary(metrics()[metrics()["method"] == "b"])
    found = list(tables.main_tables(frame, tukey.differences(metrics()[:0], 0.95), SHOWN | alone))
    assert not any("differences" in table.title for table in found)
    assert found[0].rows == [
        ["B & C", "61.0 ± 1.0 [58.5, 63.5]", "41.0 ± 1.0 [38.5, 43.5]", "31.0 ± 1.0 [28.5, 33.5]"]
    ]


def test_equal_values_share_a_rank() -> None:
    assert ranks([1.0, 3.0, 3.0, 2.0, math.nan]) == {1: "best", 2: "best"}, "the next is third"
    assert ranks([2.0, 1.0, 3.0, 2.0]) == {0: "second", 2: "best", 3: "second"}
    assert ranks([2.0, math.nan]) == {0: "best"}
    assert ranks([2.0]) == {}, "nothing to be better than"


def test_equal_numbers_of_images_share_a_rank() -> None:
    """7774 of 30000 right, as three seeds' shares with six digits: their means differ by a rounding."""
    one, other = (2589 + 2592 + 2593, 2588 + 2591 + 2595)
    assert one == other
    means = [
        np.mean([round(k / 10000 / 3 * 3, 6) for k in seeds]) + shift
        for seeds, shift in (
            ((2589, 2592, 2593), 0),
            ((2588, 2591, 2595), 1e-6),
            ((2588, 2591, 2594), 0),
        )
    ]
    assert ranks(means) == {0: "best", 1: "best"}


def test_rarest_classes() -> None:
    frame = metrics()
    frame.loc[frame["class_index"] == "1", "train_images"] = 3
    table = table_of("the rarest classes", summary(frame), differences())
    assert table.head == ["Method", "clean: c1", "PGD-2: c1"]
    assert table.rows[0] == ["B & C", "61.0 ± 1.0", "41.0 ± 1.0"]
    assert "The class with the fewest training images (their number): c1 (3)." in table.note


def test_costs() -> None:
    table = table_of("cost of training", summary(), differences())
    assert table.head[:4] == ["Method", "Passes per image", "Ratio", "BA"]
    assert [row[:3] for row in table.rows] == [["B & C", "40", "2.0"], ["A|x", "20", "1.0"]]
    assert table.marks[0, 3] == "best"


def test_beside_published_numbers() -> None:
    table = table_of("beside published", summary(), differences())
    assert table.head[4:8] == ["Checkpoint", "BA published", "ours", "difference"]
    assert table.head[8:] == ["BR PGD-2 published", "ours", "difference"]
    reach = 4.302653 * 1.0 / math.sqrt(3)  # half of our interval
    last, best = table.rows
    assert last[:5] == ["B & C", "X 2025", "?", "long tailed", "last"]
    assert last[5:8] == ["62.5", "61.0 ± 1.0 [58.5, 63.5]", f"\N{MINUS SIGN}1.5 ± {reach:.1f}"]
    assert last[8:] == [
        "40 ± 0.1",
        "41.0 ± 1.0 [38.5, 43.5]",
        f"+1.0 ± {math.hypot(reach, 0.1):.1f}",
    ]
    assert best[4:9] == ["best on test", "\N{EN DASH}", "\N{EN DASH}", "\N{EN DASH}", "42 ± 0.1"], (
        "another checkpoint, another row"
    )
    one, _ = table_of("beside published", summary(metrics(1)), differences()).rows
    assert one[7] == "\N{MINUS SIGN}2.5 ± 4.5"


def test_both_checkpoints() -> None:
    frame = pd.concat([metrics(), metrics().assign(checkpoint="best", balanced_accuracy=0.7)])
    table = table_of("checkpoints", summary(frame), differences())
    assert table.head[1:] == ["BA, last", "BA, best", "BR PGD-2, last", "BR PGD-2, best"]
    assert table.rows[1][1].startswith("41.0")
    assert table.rows[1][2].startswith("70.0")
    assert not [
        t for t in tables.main_tables(summary(), differences(), SHOWN) if "checkpoints" in t.title
    ]


def both_test_sets(seeds: int) -> pd.DataFrame:
    """In the long-tailed one there is no image of the tail, and accuracies that are not balanced are higher."""
    other = metrics(seeds).assign(test_set="long_tailed")
    other["accuracy"] += 0.1
    other.loc[other["scope"] == "tail", ["accuracy", "balanced_accuracy"]] = math.nan
    return pd.concat([metrics(seeds), other])


@pytest.mark.parametrize(
    ("seeds", "cells"),
    [
        (
            3,
            [
                "41.0 ± 1.0 [38.5, 43.5]",
                "\N{EN DASH}",
                "51.0 ± 1.0 [48.5, 53.5]",
                "31.0 ± 1.0 [28.5, 33.5]",
            ],
        ),
        (1, ["40.0", "\N{EN DASH}", "50.0 [46.1, 53.9]", "30.0 [26.1, 33.9]"]),
    ],
)
def test_the_other_test_set(seeds: int, cells: list[str]) -> None:
    table = table_of("on the long-tailed test set", summary(both_test_sets(seeds)), differences())
    assert table.head[1] == "BA"
    assert table.head[-3:] == ["BR PGD-2, tail", "Accuracy", "Accuracy, PGD-2"]
    assert [table.rows[1][column] for column in (1, -3, -2, -1)] == cells
    assert "Long-tailed test set" in table.note
    assert "over seeds" in table.note if seeds > 1 else "standard error]" in table.note
    with pytest.raises(ValueError, match="unpack"):
        table_of("on the long-tailed test set", summary(), differences())


def test_headline() -> None:
    frame = metrics()
    frame.loc[frame["scope"] == "tail", "balanced_accuracy"] /= 2
    found = headline(summary(frame), SHOWN)
    assert found["balanced"]["d"]["ir10"]["net"]["a"] == {
        "BA": 41.0,
        "BR_pgd": 21.0,
        "BR_worst": 11.0,
        "tail_BR_pgd": 10.5,
    }


SETTING = {"dataset": "d", "architecture": "net"}
ABOUT = {**SETTING, "kind": "k", "methods": ["b", "a"], "ratios": ["50", "10"]}
OPTIONS = {
    "stabilization_length": [STABILIZATION_EPOCHS],
    "loss_weights": ["alpha", "beta", "gamma"],
}


def sources(module: ModuleType, frame: pd.DataFrame) -> list[pd.DataFrame]:
    """The tables that a figure draws from: as ``score`` makes them of metrics, or the frame itself."""
    made = {"summary": over_seeds, "differences": tukey.differences}
    names = getattr(module, "SOURCES", ("summary",))
    scores = frame if "balanced_accuracy" in frame else metrics_of(frame["method"].unique())
    return [made[name](scores, 0.95) if name in made else frame for name in names]


def metrics_of(methods: Sequence[str]) -> pd.DataFrame:
    """Three seeds of each method, the first most robust."""
    one = metrics(3)[lambda rows: rows["method"] == "b"]
    return pd.concat(
        one.assign(method=method, balanced_accuracy=one["balanced_accuracy"] / (1 + place))
        for place, method in enumerate(methods)
    )


def draw(name: str, frame: pd.DataFrame, shown: dict[str, Any] = SHOWN) -> Figure:
    module = plugins.load("report.figures", name)
    return module.draw(*sources(module, frame), shown, ABOUT | {"options": OPTIONS.get(name)})


def two_ratios(seeds: int) -> pd.DataFrame:
    worse = metrics(seeds).assign(imbalance_ratio="50")
    worse["balanced_accuracy"] /= 2
    return pd.concat([metrics(seeds), worse])


def training(seeds: int) -> pd.DataFrame:
    """Method b has two epochs of stage 1, and its rate drops in the fourth; epochs are measured but one."""
    rows = [
        {
            "method": method, "seed": seed, "epoch": epoch,
            "stage": 1 if method == "b" and epoch < 3 else 2, "loss": 1 / epoch,
            "learning_rate": 0.1 if epoch < 4 else 0.01,
            "validation_accuracy": math.nan if epoch == 1 else 0.1 * epoch,
            "validation_robustness": math.nan if epoch == 1 else 0.05 * epoch + 0.01 * seed,
        }
        for method in ("b", "a") for seed in range(seeds) for epoch in range(1, 6)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def confusion(seeds: int) -> pd.DataFrame:
    rows = [
        {"method": m, "seed": s, "attack": a, "true": t, "predicted": p, "share": 0.75 if t == p else 0.25}
        for m in ("b", "a") for s in range(seeds) for a in ("clean", "pgd") for t in "01" for p in "01"
    ]  # fmt: skip
    return pd.DataFrame(rows)


def features(seeds: int) -> pd.DataFrame:
    rng = np.random.default_rng(seeds)
    rows = [
        {"method": m, "seed": 0, "class_index": c, "class_name": f"c{c}", "x": rng.normal(), "y": rng.normal()}
        for m in ("b", "a") for c in (3, 4) for _ in range(5 if c == 3 else 2)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def examples(seeds: int) -> pd.DataFrame:
    """Class c3 stands up to the attack, c4 does not; of method a it is misclassified from the start."""
    image = np.linspace(0, 1, 4 * 4 * 3, dtype="float32").reshape(4, 4, 3)
    rows = [
        {"method": m, "seed": 0, "class_index": c, "class_name": f"c{c}", "image": image,
         "clean": "c1" if c == 4 and m == "a" else f"c{c}", "attacked": "c3" if c == 3 else "c1",
         "added": np.full_like(image, 0 if c == 4 and m == "a" else -0.1)}
        for m in ("b", "a") for c in (3, 4)
    ]  # fmt: skip
    return pd.DataFrame(rows)


SOURCES = {
    "per_class": metrics,
    "ba_br": metrics,
    "forest": metrics,
    "stabilization_length": metrics,
    "efficiency": metrics,
    "imbalance": two_ratios,
    "learning": training,
    "confusion": confusion,
    "features": features,
    "examples": examples,
}


def test_every_figure_is_tested() -> None:
    assert set(plugins.names("report.figures")) == {*SOURCES, "loss_weights"}


@pytest.mark.parametrize("seeds", [1, 3])
@pytest.mark.parametrize("name", SOURCES)
def test_figures_redraw_to_the_same_bytes(name: str, seeds: int) -> None:
    """SVG, which numbers its parts, of each; the other formats of one with images and one with error bars."""
    first, second = (draw(name, SOURCES[name](seeds)) for _ in range(2))
    whole = seeds > 1 and name in ("examples", "ba_br")
    for suffix in ("svg", "pdf", "png") if whole else ("svg",):
        drawn = to_bytes(first, suffix)
        assert drawn == to_bytes(second, suffix)
        assert len(drawn) > 2000


def test_figure_shows_what_it_should() -> None:
    figure = draw("ba_br", metrics())
    ElementTree.fromstring(to_bytes(figure, "svg"))
    everything, tail = figure.axes
    assert everything.get_title() == "All classes"
    assert tail.get_title() == "Tail classes"
    points = [(c.lines[0].get_xdata()[0], c.lines[0].get_ydata()[0]) for c in everything.containers]
    assert points == [pytest.approx((61.0, 41.0)), pytest.approx((41.0, 21.0))]
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["B & C", "A|x"]
    assert figure.get_supxlabel().startswith("Balanced test set; means")
    assert figure.legends[0].get_title().get_text() == "Data_1, IR 50 and 10, Net, L-inf eps 0.1"


def test_length_of_stabilization() -> None:
    (axes,) = draw("stabilization_length", metrics()).axes
    clean = axes.containers[0].lines[0]
    assert list(clean.get_xdata()) == [0, 4]
    assert list(clean.get_ydata()) == [pytest.approx(41.0), pytest.approx(61.0)]


def test_heat_map_leaves_out_what_there_is_not() -> None:
    options = {"b": (0.1, 0.0, 0.0), "a": (1.0, 0.1, 0.0)}
    weights = {m: dict(zip(("alpha", "beta", "gamma"), w, strict=True)) for m, w in options.items()}
    figure = draw("loss_weights", metrics(), SHOWN | {"variants": {"k": weights}})
    cells = figure.axes[0].images[0].get_array()
    assert cells[0, 0] == pytest.approx(41.0)
    assert cells[1, 1] == pytest.approx(21.0)
    assert np.isnan(np.ma.filled(cells, np.nan)).tolist() == [[False, True], [True, False]]
    assert [t.get_text() for t in figure.axes[0].texts] == ["41.0", "21.0"]


def test_variants_table() -> None:
    *_, table = tables.main_tables(summary(), differences(), SHOWN)
    assert table.head[:5] == ["Method", "stabilization epochs", "alpha", "beta", "gamma"]
    assert table.head[5:] == ["BA", "BR PGD-2", "BA, tail", "BR PGD-2, tail"]
    assert [row[:5] for row in table.rows] == [
        ["B & C", "4", "0.5", "1", "0"],
        ["A|x", "0", "\N{EN DASH}", "0.1", "0"],
    ]


def test_a_test_set_is_named_for_what_it_is() -> None:
    """A data set's own test set need not be balanced; nor is a long-tailed test set of natural data."""
    summary = over_seeds(metrics(), 0.95)
    assert title_of_test_set(summary, "balanced") == "Balanced test set"
    summary.loc[summary["class_index"] == "1", "test_images"] = 20
    assert title_of_test_set(summary, "balanced") == "The data set's own test set (2.5:1)"
    summary["test_set"] = "long_tailed"
    assert title_of_test_set(summary, "long_tailed") == "Long-tailed test set (2.5:1)"
    other = summary.assign(imbalance_ratio="20")
    assert title_of_test_set(pd.concat([summary, other]), "long_tailed") == "Long-tailed test set"
    summary["imbalance_ratio"] = "natural"
    assert title_of_test_set(summary, "long_tailed") == "The data set's own test set (2.5:1)"


def test_efficiency_figure() -> None:
    figure = draw("efficiency", metrics())
    assert [axes.get_title() for axes in figure.axes] == ["Cost", "All classes", "Tail classes"]
    cost, everything, _ = figure.axes
    assert [line.get_xdata()[0] for line in cost.lines] == [20.0, 40.0]
    robust = [container.lines[0].get_xdata()[0] for container in everything.containers]
    assert robust == pytest.approx([21.0, 41.0])


def test_imbalance_figure() -> None:
    clean, attacked = draw("imbalance", two_ratios(3)).axes
    at_10, at_50 = (container.lines[0] for container in clean.containers)
    assert list(at_10.get_xdata()) == pytest.approx([61.0, 41.0])
    assert list(at_50.get_xdata()) == pytest.approx([30.5, 20.5])
    assert attacked.get_xlabel() == "BR, PGD-2 (%), better →"


def test_learning_figure() -> None:
    accuracy, robustness = draw("learning", training(3)).axes
    curve, *rest = robustness.lines
    assert list(curve.get_xdata()) == [2, 3, 4, 5]
    assert list(curve.get_ydata()) == [pytest.approx(100 * (0.05 * e + 0.01)) for e in (2, 3, 4, 5)]
    marks = {
        (line.get_linestyle(), line.get_xdata()[0]) for line in rest if len(line.get_xdata()) == 2
    }
    assert marks == {("--", 2.5), (":", 3.5)}
    assert accuracy.get_ylabel() == "BA (%), better →"


def test_confusion_figure() -> None:
    figure = draw("confusion", confusion(3))
    shown = [axes for axes in figure.axes if axes.images]
    assert [axes.get_title() for axes in shown[:3]] == [
        "B & C\nclean",
        "B & C\nPGD-2",
        "A|x\nclean",
    ]
    assert shown[0].images[0].get_array().tolist() == [[75, 25], [25, 75]]
    assert {axes.get_xlabel() for axes in shown} == {"Predicted class"}


@pytest.mark.parametrize("names", [("head", "medium", "tail"), tuple("0123456789")])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 7])
def test_names_of_classes_and_groups_do_not_overlap(count: int, names: tuple[str, ...]) -> None:
    """Groups are what confusion is between where there are many classes."""
    methods = {f"m{i}": f"Method {i}" for i in range(count)}
    rows = [
        {"method": m, "seed": 0, "attack": a, "true": t, "predicted": p, "share": 0.3}
        for m in methods for a in ("clean", "pgd") for t in names for p in names
    ]  # fmt: skip
    shown = SHOWN | {"labels": SHOWN["labels"] | {"methods": methods}}
    figure = fix_layout(draw("confusion", pd.DataFrame(rows), shown))
    panels = [axes for axes in figure.axes if axes.images]
    written = [
        text
        for axes in panels
        for text in (
            axes.title,
            axes.xaxis.label,
            *axes.get_xticklabels(),
            *axes.get_yticklabels(),
        )
        if text.get_visible() and text.get_text()
    ]
    assert len(written) >= 8
    places = [text.get_window_extent() for text in (*written, figure._supxlabel)]
    assert not [(a, b) for i, a in enumerate(places) for b in places[:i] if a.overlaps(b)]
    assert all(p.x0 >= 0 and p.y0 >= 0 and p.y1 <= figure.bbox.height for p in places)


def test_features_figure() -> None:
    figure = draw("features", features(1))
    panels = [axes for axes in figure.axes if axes.lines]
    assert [axes.get_title() for axes in panels] == ["B & C", "A|x"]
    for axes, (_, rows) in zip(panels, features(1).groupby("method", sort=False), strict=True):
        assert [len(line.get_xdata()) for line in axes.lines] == [5, 2]
        assert (
            axes.lines[1].get_xydata().tolist()
            == rows[rows["class_index"] == 4][["x", "y"]].to_numpy().tolist()
        )
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["Class c3", "Class c4"]
    assert "2 to 5 clean test images a class" in figure.get_supxlabel()
    assert "share a network" not in figure.get_supxlabel()


def test_features_of_one_network_are_explained() -> None:
    """Logit adjustment after training is a method with the network of another."""
    rows = features(1)
    adjusted = rows[rows["method"] == "b"].assign(method="a")
    figure = draw("features", pd.concat([rows[rows["method"] == "b"], adjusted]))
    assert "equal panels: the methods share a network" in " ".join(figure.get_supxlabel().split())


def test_examples_figure() -> None:
    figure = draw("examples", examples(1))
    grid = np.array(figure.axes).reshape(3, 2)
    assert [axes.get_title() for axes in grid[0]] == ["Class c3", "Class c4"]
    # Below each pair of images: the predicted class of the clean one, then that of the attacked one.
    predicted = [[t for t in axes.texts if t.get_ha() == "left"] for axes in grid[1:].flat]
    assert [[t.get_text() for t in texts] for texts in predicted] == [
        ["c3"],
        ["c4", " → c1"],
        ["c3"],
        ["c1"],
    ]
    bold = [[t.get_fontweight() == "bold" for t in texts] for texts in predicted]
    assert bold == [[False], [False, True], [False], [True]]
    image = examples(1)["image"][0]
    clean, attacked, misclassified = (
        axes.images[0].get_array() for axes in (grid[0, 0], grid[1, 0], grid[2, 1])
    )
    assert np.allclose(clean[:, 2:6], image), "in the middle above the two"
    assert np.allclose(attacked[:, :4], 0)  # the most that is taken away
    assert np.allclose(misclassified[:, :4], 0.5)  # nothing is added
    assert np.allclose(attacked[:, -4:], np.clip(image - 0.1, 0, 1))


def test_differences_name_the_number_of_pairs() -> None:
    third = metrics()[lambda rows: rows["method"] == "a"].assign(method="c")
    methods = SHOWN["labels"]["methods"] | {"c": "C"}
    shown = SHOWN | {"labels": SHOWN["labels"] | {"methods": methods}, "variants": {}}
    shown["costs"] = SHOWN["costs"] | {"c": 30.0}
    frame = summary(pd.concat([metrics(), third]))
    (table,) = (
        t for t in tables.main_tables(frame, differences(), shown) if t.title.startswith("diff")
    )
    assert "for all 3 pairs of 3 methods" in table.note


def test_headline_has_three_decimals() -> None:
    frame = metrics()
    frame["balanced_accuracy"] += 0.002346
    numbers = headline(summary(frame), SHOWN)["balanced"]["d"]["ir10"]["net"]["a"]
    assert (numbers["BA"], numbers["tail_BR_pgd"]) == (41.235, 21.235)


def test_marks_stand_at_the_numbers_they_are_of() -> None:
    table = table_of("cost of training", summary(), differences())
    assert table.head == ["Method", "Passes per image", "Ratio", "BA", "BR PGD-2"]
    assert table.marks == {(0, 3): "best", (0, 4): "best", (1, 3): "second", (1, 4): "second"}
    table = table_of("variants", summary(), differences())
    assert {column for _, column in table.marks} == set(range(5, len(table.head)))


def test_a_collapsed_training_is_not_ranked() -> None:
    frame = metrics()
    frame.loc[frame["method"] == "b", "warnings"] = f"odd\n{COLLAPSED}"
    first, *_ = tables.main_tables(summary(frame), differences(), SHOWN)
    assert first.marks == {(1, column): "best" for column in (1, 2, 3)}
    assert table_of("differences", summary(frame), differences()).title.endswith("to A|x, BR PGD-2")


def test_the_largest_error_is_named() -> None:
    frame = metrics()
    frame.loc[frame["method"] == "a", "balanced_accuracy_se"] = 0.011
    first, *_ = tables.main_tables(summary(frame), differences(), SHOWN)
    assert "standard error from sampling them: at most 3.0 points" in first.note

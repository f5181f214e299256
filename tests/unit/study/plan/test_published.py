"""The published figures in data/reference: their form, and that they agree where they must."""

import csv
import math
import re
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from taet.study.params import blocks
from taet.study.plan.published import comparable
from tests.conftest import ROOT

Row = dict[str, str]

FOLDER = ROOT / "data/reference"
FILES = ["at_bsl_fork", "balanced_anchors", "robal", "robustlt", "taet", "taet_secondhand"]
COLUMNS = [
    "source", "place", "dataset", "imbalance_ratio", "architecture", "test_set", "selection", "method",
    "variant", "attack", "attack_note", "scope", "class_index", "class_name", "metric", "value",
    "uncertainty", "read_off", "note",
]  # fmt: skip
ALLOWED = {
    "dataset": {"cifar10", "cifar100", "dermamnist"},
    "test_set": {"balanced", "long_tailed", ""},
    "selection": {"last", "best_on_test", ""},
    "scope": {"all", "tail", "class"},
    "metric": {"accuracy", "balanced_accuracy", "balanced_robustness"},
    "read_off": {"yes", "no"},
}
CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
TAIL_IMAGES = {"5": 278, "6": 215, "7": 166, "8": 129, "9": 100}  # long-tailed test set, ratio 10
NOT_OURS = {
    "attack": {"clean", "autoattack_10_steps", "best_attack", "not_stated", "pgd10", "pgd_plus", "reported"},
    "method": {
        "at_cb_focal", "at_cdt_post", "at_cdt_train", "at_cos", "at_crt", "at_drw", "at_focal", "at_la_post",
        "at_ldam", "at_lws", "at_rs", "at_tau_norm", "at_tde", "avmix", "gair_rst", "mma",
    },
}  # fmt: skip


def read(name: str) -> list[Row]:
    with (FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def chosen(rows: list[Row], **wanted: str) -> list[Row]:
    return [row for row in rows if all(row[column] == value for column, value in wanted.items())]


def printed_from(value: str, images: int) -> bool:
    """Whether some number of right images, cut off or rounded to the decimals printed, gives the value."""
    unit = 10 ** -len(value.partition(".")[2])
    nearest = float(value) * images / 100
    shares = [100 * k / images for k in range(math.floor(nearest) - 1, math.ceil(nearest) + 2)]
    return any(
        -unit / 2 - 1e-9 <= share - float(value) < unit - 1e-9 for share in shares if share <= 100
    )


def test_every_file_is_known() -> None:
    assert sorted(file.stem for file in FOLDER.glob("*.csv")) == FILES


@pytest.mark.parametrize("name", FILES)
def test_columns(name: str) -> None:
    text = (FOLDER / f"{name}.csv").read_bytes().decode("utf-8")
    assert text.splitlines()[0].split(",") == COLUMNS
    assert "\r" not in text
    assert text.endswith("\n")
    for row in read(name):
        assert None not in row, "too many cells"
        assert None not in row.values(), "too few cells"
        assert all(cell == cell.strip() for cell in row.values())


@pytest.mark.parametrize("name", FILES)
def test_values(name: str, digits: blocks.Params) -> None:
    ours = {"method": set(digits.methods), "attack": set(digits.attacks)}
    for row in read(name):
        for column, values in ALLOWED.items():
            assert row[column] in values, row
        for column, others in NOT_OURS.items():
            assert row[column] in ours[column] | others, row
        assert row["source"], row
        assert row["place"], row
        assert re.fullmatch(r"([a-z0-9_]+(\+[a-z0-9_]+)*)?", row["variant"]), row
        assert re.fullmatch(r"\d+(\.\d+)?", row["value"]), row
        assert 0 <= float(row["value"]) <= 100, row
        assert (row["uncertainty"] != "") == (row["read_off"] == "yes"), row
        assert float(row["uncertainty"] or 1) > 0, row
        if row["imbalance_ratio"]:
            assert float(row["imbalance_ratio"]) >= 1, row
        else:
            assert "imbalance ratio" in row["note"], row


@pytest.mark.parametrize("name", FILES)
def test_scope_and_metric(name: str) -> None:
    for row in read(name):
        if row["scope"] == "class":
            assert row["dataset"] == "cifar10", row
            assert row["class_name"] == CLASSES[int(row["class_index"])], row
            assert row["metric"] == "accuracy", row
        else:
            assert row["class_index"] == row["class_name"] == "", row
        if row["metric"] != "accuracy":
            assert (row["metric"] == "balanced_accuracy") == (row["attack"] == "clean"), row


@pytest.mark.parametrize("name", FILES)
def test_no_figure_twice(name: str) -> None:
    beside = {"value", "uncertainty", "read_off", "attack_note", "note"}
    keys = Counter(tuple(row[c] for c in COLUMNS if c not in beside) for row in read(name))
    assert [key for key, times in keys.items() if times > 1] == []


def test_taet_table_is_of_the_long_tailed_test_set() -> None:
    table = chosen(read("taet"), place="README picture performance2.jpg")
    assert len(table) == 11 * 2 * 5
    assert sum(row["note"] == "" for row in table) == 10 * 2 * 5 - 5
    for row in table:
        if not row["note"]:
            assert row["test_set"] == "long_tailed", row
            assert printed_from(row["value"], TAIL_IMAGES[row["class_index"]]), row
        elif row["method"] != "robal":  # slips in print are slips
            assert not printed_from(row["value"], TAIL_IMAGES[row["class_index"]]), row


def test_taet_scatter_agrees_with_the_table() -> None:
    rows = read("taet")
    table = chosen(rows, place="README picture performance2.jpg")
    markers = chosen(rows, place="README picture performance1.png, scatter", scope="tail")
    assert len(markers) == 11 * 2
    assert sum(row["note"] == "" for row in markers) == 11 * 2 - 3
    for marker in markers:
        cells = chosen(table, method=marker["method"], attack=marker["attack"])
        assert [row["class_index"] for row in cells] == list(TAIL_IMAGES)
        mean = sum(float(row["value"]) for row in cells) / 5
        agrees = abs(mean - float(marker["value"])) <= 0.25
        assert agrees == (marker["note"] == ""), (marker, mean)


def test_taet_curves_agree_with_the_table() -> None:
    rows = read("taet")
    table = chosen(rows, place="README picture performance2.jpg", method="taet")
    curves = chosen(rows, place="README picture performance1.png, curves", method="taet")
    assert len(table) == 2 * 5, "clean and attacked, classes of the tail"
    for cell in table:
        (point,) = chosen(curves, attack=cell["attack"], class_index=cell["class_index"])
        assert float(point["value"]) == pytest.approx(float(cell["value"]), abs=0.3)


def test_second_hand_table_agrees_with_the_scatter() -> None:
    scatter = chosen(read("taet"), place="README picture performance1.png, scatter", scope="all")
    table = chosen(read("taet_secondhand"), place="public summary of the paper")
    for method in ("pgd_at", "at_bsl", "robal", "reat"):
        for attack in ("clean", "pgd20"):
            (secondhand,) = chosen(table, method=method, attack=attack)
            (marker,) = chosen(scatter, method=method, attack=attack)
            assert float(secondhand["value"]) == pytest.approx(float(marker["value"]), abs=0.3)
    assert all("not for comparison" in row["note"] for row in chosen(table, method="taet"))


def test_comparable_is_of_the_grid_and_of_all_classes(tmp_path: Path) -> None:
    row = {
        "source": "X", "dataset": "cifar10", "imbalance_ratio": "50", "method": "pgd_at", "variant": "",
        "attack": "clean", "scope": "all", "metric": "balanced_accuracy", "value": "61.5", "uncertainty": "",
        "note": "", "architecture": "net", "test_set": "balanced", "selection": "last",
    }  # fmt: skip
    others = {
        "dataset": "cifar100", "imbalance_ratio": "10", "method": "trades", "variant": "v",
        "attack": "pgd100", "scope": "tail", "metric": "accuracy", "note": "odd; not for comparison",
    }  # fmt: skip
    rows = [row, *(row | {name: other} for name, other in others.items())]
    rows.append(row | {"attack": "pgd20", "value": "40", "uncertainty": "0.5"})
    folder = tmp_path / "data/reference"
    folder.mkdir(parents=True)
    with (folder / "x.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, row)
        writer.writeheader()
        writer.writerows(rows)
    grid = SimpleNamespace(
        imbalance_ratios=[50], datasets=["ours"], methods=["pgd_at"], attacks=["pgd20"]
    )
    cifar10, cifar100 = SimpleNamespace(kind="cifar10"), SimpleNamespace(kind="cifar100")
    params: Any = SimpleNamespace(grid=grid, datasets={"ours": cifar10})
    published = comparable(params, tmp_path)
    assert [(r["attack"], r["value"], r["uncertainty"]) for r in published] == [
        ("clean", 61.5, None), ("pgd20", 40.0, 0.5),
    ]  # fmt: skip
    assert {(r["dataset"], r["imbalance_ratio"], r["method"]) for r in published} == {
        ("ours", "50", "pgd_at")
    }

    grid.datasets = ["ours", "sharper", "other"]
    params.datasets |= {"sharper": cifar10, "other": cifar100}
    both = comparable(params, tmp_path)
    assert [(r["dataset"], r["value"]) for r in both] == [
        ("ours", 61.5), ("sharper", 61.5), ("other", 61.5), ("ours", 40.0), ("sharper", 40.0),
    ]  # fmt: skip

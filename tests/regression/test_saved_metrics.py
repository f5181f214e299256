"""Kept metrics are shares, and agree with each other: hardly one can be changed by itself unseen.

Standard errors and the far ends of intervals can; the digests of the manifest see these.
"""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from taet.scores.compare import holm
from taet.scores.summary import CELL, PLACE, read_contrasts, read_rows
from tests.conftest import ROOT

pytestmark = pytest.mark.saved
STUDIES = sorted((ROOT / "results/reference").glob("*/score"))
NETWORK = [*CELL, "seed", "checkpoint", "test_set"]
EXACT = 1e-6  # of numbers written with six digits


@pytest.fixture(params=STUDIES, ids=lambda folder: folder.parent.name)
def score(request: pytest.FixtureRequest) -> Path:
    return request.param


def test_groups_are_those_of_their_classes(score: Path) -> None:
    for _, rows in read_rows(score / "metrics.csv.xz").groupby([*NETWORK, "attack"]):
        classes = rows[rows["scope"] == "class"]
        groups = rows[rows["scope"] != "class"].set_index("scope")
        shares, images = classes["accuracy"], classes["test_images"]
        assert shares.dropna().between(0, 1).all()
        assert abs(groups["balanced_accuracy"]["all"] - shares.mean()) <= EXACT
        assert abs(groups["accuracy"]["all"] - np.average(shares, weights=images)) <= EXACT
        assert groups["accuracy"]["worst_class"] == shares.min()
        # Head, medium and tail are some classes each, with other numbers of training images.
        by_frequency = classes.sort_values("train_images", ascending=False, kind="stable")
        start = 0
        for scope in ("head", "medium", "tail"):
            total, count = groups["train_images"][scope], 0
            part = by_frequency.iloc[start:]
            while part["train_images"].iloc[:count].sum() < total:
                count += 1
            assert part["train_images"].iloc[:count].sum() == total
            assert (
                abs(groups["balanced_accuracy"][scope] - part["accuracy"].iloc[:count].mean())
                <= EXACT
            )
            start += count
        assert start == len(classes)


def test_no_attack_helps_and_the_worst_case_is_the_worst(score: Path) -> None:
    metrics = read_rows(score / "metrics.csv.xz")
    scopes = metrics["scope"] + metrics["class_index"].fillna("")
    wide = metrics.assign(of=scopes).pivot_table(
        index=[*NETWORK, "of"], columns="attack", values="balanced_accuracy"
    )
    bounded = [attack for attack in wide if attack != "worst2"]
    assert len(bounded) >= 4
    assert (wide[bounded].max(axis=1) <= wide["clean"] + EXACT).all()
    assert (wide[bounded].min(axis=1) >= wide["worst"] - EXACT).all()
    assert (wide["worst"] <= wide["worst2"] + EXACT).all()
    assert (wide["worst2"] <= wide[["pgd20", "cw20"]].min(axis=1) + EXACT).all()


def test_intervals_are_around_means(score: Path) -> None:
    keys = [*CELL, "checkpoint", "test_set", "attack", "scope"]
    metrics = read_rows(score / "metrics.csv.xz")
    means = metrics[metrics["scope"] != "class"].groupby(keys)["balanced_accuracy"].mean()
    rows = read_rows(score / "intervals.csv.xz").set_index(keys)
    assert len(rows)
    assert (abs(rows["balanced_accuracy"] - means.loc[rows.index]) <= EXACT).all()
    assert (rows["low"] - EXACT <= rows["balanced_accuracy"]).all()
    assert (rows["balanced_accuracy"] <= rows["high"] + EXACT).all()


def test_contrasts_are_differences_of_means(score: Path) -> None:
    keys = [*PLACE, "checkpoint", "test_set", "attack", "scope"]
    metrics = read_rows(score / "metrics.csv.xz")
    groups = metrics[metrics["scope"] != "class"]
    seeds = groups.set_index([*keys, "method", "seed"])["balanced_accuracy"].sort_index()
    contrasts = read_contrasts(score / "contrasts.csv.xz")
    assert len(contrasts) or metrics["method"].nunique() == 1
    for row in contrasts.to_dict("records"):
        place = tuple(row[key] for key in keys)
        both = [seeds.loc[(*place, row[side])] for side in ("method", "other")]
        between, spread = (both[0] - both[1]).mean(), (both[0] - both[1]).std(ddof=1)
        if row["seeds"] > 1:
            assert len(both[0]) == row["seeds"]
            assert abs(row["sd"] - spread) <= 2 * EXACT
        assert abs(row["difference"] - between) <= 2 * EXACT
        assert row["low"] - EXACT <= row["difference"] <= row["high"] + EXACT
    for _, rows in contrasts.groupby(keys):
        assert rows["p_holm"].tolist() == pytest.approx(
            holm(rows["p"].tolist()), abs=EXACT * len(rows), nan_ok=True
        )
    tested = contrasts[contrasts["sd"] > 0].dropna(subset="p") if len(contrasts) else contrasts
    for row in tested.to_dict("records"):
        t = abs(row["difference"]) / (row["sd"] / row["seeds"] ** 0.5)
        assert row["p"] == pytest.approx(2 * stats.t.sf(t, row["seeds"] - 1), rel=0.02, abs=EXACT)

"""Saved metrics are shares, and agree with each other: hardly one can be changed by itself unseen.

Standard errors and the far ends of intervals can; the digests of the manifest see these.
"""

import lzma
import math
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from taet.axes import METHOD_IN_SETTING, SETTING
from taet.scores.bits import MODEL, read_bits
from taet.scores.summary import read_rows
from taet.stages.score import summaries
from tests.conftest import ROOT

pytestmark = pytest.mark.saved
STUDIES = sorted((ROOT / "results/reference").glob("*/score"))
NETWORK = [*METHOD_IN_SETTING, "seed", "checkpoint", "test_set"]
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
    keys = [*METHOD_IN_SETTING, "checkpoint", "test_set", "attack", "scope"]
    metrics = read_rows(score / "metrics.csv.xz")
    means = metrics[metrics["scope"] != "class"].groupby(keys)["balanced_accuracy"].mean()
    rows = read_rows(score / "intervals.csv.xz").set_index(keys)
    assert len(rows)
    assert (abs(rows["balanced_accuracy"] - means.loc[rows.index]) <= EXACT).all()
    assert (rows["low"] - EXACT <= rows["balanced_accuracy"]).all()
    assert (rows["balanced_accuracy"] <= rows["high"] + EXACT).all()


def test_summary_and_differences_follow_from_the_other_files(score: Path) -> None:
    metrics, intervals = (
        lzma.decompress((score / f"{name}.csv.xz").read_bytes())
        for name in ("metrics", "intervals")
    )
    for name, contents in summaries(metrics, intervals, 0.95).items():
        saved = read_rows(score / f"{name}.xz")
        pd.testing.assert_frame_equal(saved, read_rows(BytesIO(contents)), rtol=1e-9, atol=1e-12)


def test_contrasts_are_differences_of_means(score: Path) -> None:
    if read_rows(score / "metrics.csv.xz")["method"].nunique() == 1:  # then the file is empty
        return
    keys = [*SETTING, "checkpoint", "test_set", "attack", "scope"]
    metrics = read_rows(score / "metrics.csv.xz")
    groups = metrics[metrics["scope"] != "class"]
    seeds = groups.set_index([*keys, "method", "seed"])["balanced_accuracy"].sort_index()
    contrasts = read_rows(score / "contrasts.csv.xz")
    assert len(contrasts)
    for row in contrasts.to_dict("records"):
        family = tuple(row[key] for key in keys)
        both = [seeds.loc[(*family, row[side])] for side in ("method", "other")]
        assert len(both[0]) == row["seeds"]
        assert abs(row["difference"] - (both[0] - both[1]).mean()) <= 2 * EXACT
        assert row["low"] - EXACT <= row["difference"] <= row["high"] + EXACT


def test_intervals_of_differences_in_plain_numpy(score: Path) -> None:
    """Residuals of methods and seeds, methods with all seeds within a point of 0 or 100 left out; all verdicts."""
    keys = [*SETTING, "checkpoint", "test_set", "attack", "scope"]
    metrics, rows = (read_rows(score / f"{name}.csv.xz") for name in ("metrics", "differences"))
    if metrics["seed"].nunique() == 1:
        assert not len(rows)
        return
    methods = metrics["method"].nunique()
    families = metrics.groupby(keys)
    compared = metrics[metrics["scope"].isin(["all", "tail"])].groupby(keys).ngroups
    assert len(rows) == compared * methods * (methods - 1) / 2
    for family, pairs in rows.groupby(keys):
        shares = families.get_group(family).pivot(
            index="method", columns="seed", values="balanced_accuracy"
        )
        inside = shares[~((shares <= 0.01).all(axis=1) | (shares >= 0.99).all(axis=1))].to_numpy()
        m, s = inside.shape
        about_means = inside - inside.mean(1)[:, None]
        residuals = about_means - inside.mean(0)[None, :] + inside.mean()
        errors = {
            2: (math.sqrt(2 * (residuals**2).sum() / ((m - 1) * (s - 1)) / s), (m - 1) * (s - 1)),
            1: (math.sqrt((about_means**2).sum() / (m * (s - 1)) / s), m * (s - 1)),
        }
        for row in pairs.to_dict("records"):
            difference = (shares.loc[row["method"]] - shares.loc[row["other"]]).mean()
            assert abs(row["difference"] - difference) < 1e-12
            pooled = row["method_pooled"] + row["other_pooled"]
            if not pooled:
                assert math.isnan(row["low"])
                continue
            error, df = errors[pooled]
            q = quantile(methods, df)
            assert row["high"] - difference == pytest.approx(q / math.sqrt(2) * error, rel=1e-6)
            assert difference - row["low"] == pytest.approx(q / math.sqrt(2) * error, rel=1e-6)


@cache
def quantile(means: int, df: int) -> float:
    return float(stats.studentized_range.ppf(0.95, means, df))


def test_bits_give_the_accuracies(score: Path) -> None:
    """Of studies that are saved with one bit for each image and attack."""
    if not (score / "correct.csv.xz").exists():
        pytest.skip("saved before bits were")
    images, correct, metrics = (
        read_rows(score / f"{name}.csv.xz") for name in ("images", "correct", "metrics")
    )
    bits = read_bits(images, correct)
    rows = metrics[(metrics["scope"] == "all") & metrics["attack"].isin(set(correct["attack"]))]
    assert len(rows) == 2 * len(correct)
    for row in rows.to_dict("records"):
        of_model = bits[tuple(row[axis] for axis in MODEL)]
        inside = of_model["long_tailed"] | (row["test_set"] == "balanced")
        label, right = of_model["label"][inside], of_model[row["attack"]][inside]
        shares = [right[label == c].mean() for c in np.unique(label)]
        assert abs(row["balanced_accuracy"] - np.mean(shares)) <= EXACT
        assert abs(row["accuracy"] - right.mean()) <= EXACT

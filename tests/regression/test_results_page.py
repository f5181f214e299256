"""What docs/results.md and the README say of the saved results, in tables and by hand, is what these are."""

import functools
import importlib.metadata
import math
import re
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest
import scipy.stats

from taet.errors import UserError
from taet.report.style import to_bytes
from taet.scores import tukey
from taet.scores.summary import read_rows
from taet.study.params.load import load_params
from taet.study.plan.costs import training_passes
from taet.study.plan.saved import packed, read_records
from tests.conftest import ROOT

pytestmark = pytest.mark.saved
REFERENCE = ROOT / "results" / "reference"
PAGE = "docs/results.md"
GPU10, CPU10, GPU50 = "cifar10_small_gpu_ir10", "cifar10_small", "cifar10_small_gpu"
OTHERS10, OTHERS50 = "cifar10_small_others", "cifar10_small_gpu_others"
LARGE_TAET, LARGE_BSL = "cifar10_gpu", "cifar10_gpu_at_bsl"


@functools.cache
def saved_rows(study: str, name: str, test_set: str = "balanced") -> pd.DataFrame:
    """Rows of a kept file of the stage ``score``, of the checkpoint that the page shows."""
    rows = read_rows(REFERENCE / study / "score" / packed(name))
    return rows[(rows["test_set"] == test_set) & (rows["checkpoint"] == "last")]


# -- tables ------------------------------------------------------------------------------------------


@pytest.fixture
def result_tables(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.chdir(ROOT)
    monkeypatch.syspath_prepend(str(ROOT / "workflow" / "scripts"))
    import result_tables

    return result_tables


def test_pages_have_the_kept_results(result_tables: ModuleType) -> None:
    for page in result_tables.PAGES:
        text = page.read_text()
        assert result_tables.BLOCK.search(text)
        assert result_tables.renewed(text) == text, "run: python workflow/scripts/result_tables.py"


def test_pages_lose_no_text(result_tables: ModuleType) -> None:
    """What stands between a mark and the next end is written anew: a mark without an end would take more."""
    text = Path(PAGE).read_text()
    for wrong in (
        text.replace("<!-- end -->", "", 1),
        text.replace("<!-- results of", "<!--results of", 1),
        text.replace("<!-- differences of", "<!-- difference of", 1),
        text.replace("differences of cifar10_small_gpu_ir10,", "differences of cifar10_small,", 1),
        text.replace("results of cifar10_gpu -->", "results of cifar10_gp -->"),
        text.replace("differences of cifar10_small_gpu_ir10,", "differences of cifar10_gpu,"),
        text.replace("taet-pgd_at,", "taet-pgd_ad,", 1),
        text.replace("taet-pgd_at,", "taet-taet,", 1),
        text.replace(
            "differences of digits_ablation:", "differences of digits_ablation, digits_precision:"
        ),
    ):
        assert wrong != text
        with pytest.raises(UserError):
            result_tables.renewed(wrong)


def test_differences_are_tukeys(result_tables: ModuleType) -> None:
    """Numbers, bold and note against ``taet.scores.tukey``, of two studies of which one lacks a method."""
    pairs = [("taet", "pgd_at"), ("taet", "at_bsl"), ("pgd_at_la", "at_bsl")]
    text = result_tables.differences_of([GPU50, CPU10], pairs)
    cells = [[cell.strip() for cell in line.split("|")[2:5]] for line in text.splitlines()[2:17]]
    assert [what for what, _, _ in cells[:5]] == [
        "BA, all classes",
        "BR PGD-20, all classes",
        "BR worst case, all classes",
        "BR PGD-20, tail classes",
        "BR worst case, tail classes",
    ]
    significant = 0
    for number, (_, text_of_50, text_of_10) in enumerate(cells):
        family, (one, other) = result_tables.COMPARED[number % 5], pairs[number // 5]
        difference, low, high = tukeys(GPU50, one, other, *family)
        written = [float(x) for x in re.findall(r"[-+]\d+\.\d", text_of_50)]
        assert written == pytest.approx([difference, low, high], abs=0.051)
        assert ("**" in text_of_50) == (low > 0 or high < 0)
        significant += low > 0 or high < 0
        assert (text_of_10 == "-") == ("pgd_at_la" in (one, other))
    assert 0 < significant < len(cells)
    assert f"(pairs: 15 of {GPU50}, 10 of {CPU10})" in text
    assert f"0 or 100%: PGD-AT ({GPU50}, tail classes)." in text
    rows = tukey.differences(saved_rows(GPU50, "metrics.csv"), 0.95)
    by_family = 100 * rows.groupby(["attack", "scope"])["detectable"].first()
    points_of = [by_family[family] for family in result_tables.COMPARED]
    least, most = min(points_of), max(points_of)
    assert f"{least:.1f} to {most:.1f} points in {GPU50}" in text
    assert text.strip().endswith(f"Made by older code than today's: {GPU50}, {CPU10}.")


# -- verdicts ----------------------------------------------------------------------------------------


def verdict(
    study: str, one: str, other: str, attack: str, scope: str, test_set: str = "balanced"
) -> tuple[int, str, float]:
    """Sign of a difference in balanced accuracy or robustness, what can be said of it, and the difference."""
    rows = saved_rows(study, "contrasts.csv", test_set)
    rows = rows[(rows["attack"] == attack) & (rows["scope"] == scope)]
    (row,) = rows[rows[["method", "other"]].isin([one, other]).all(axis=1)].itertuples()
    difference = row.difference if row.method == one else -row.difference
    how = "shown" if row.p_holm < 0.05 else "suggested" if row.p < 0.05 else "open"
    return (1 if difference > 0 else -1), how, difference


def told(study: str, pair: str, attack: str, scope: str, how: str, sign: int = 1) -> tuple:
    return (study, *pair.split("-"), attack, scope, how, sign)


# Claim, column of the page's table, what it says there, and what must hold for that.
VERDICTS = [
    ("more accurate, in balanced terms", 1, "Than PGD-AT: suggested. Than AT-BSL: open.",
     [*(told(study, "taet-pgd_at", "clean", "all", "suggested") for study in (GPU10, CPU10)),
      *(told(study, "taet-at_bsl", "clean", "all", "open", -1) for study in (GPU10, CPU10))]),
    ("more accurate, in balanced terms", 2,
     "Than PGD-AT: suggested. Than AT-BSL the contrary: shown.",
     [told(GPU50, "taet-pgd_at", "clean", "all", "suggested"),
      told(GPU50, "taet-at_bsl", "clean", "all", "shown", -1)]),
    ("more robust than PGD-AT", 1,
     "Under PGD-20: suggested. In the worst of all attacks the contrary: shown and, on the processor, suggested.",
     [told(GPU10, "taet-pgd_at", "pgd20", "all", "suggested"),
      told(CPU10, "taet-pgd_at", "pgd20", "all", "suggested"),
      told(GPU10, "taet-pgd_at", "worst", "all", "shown", -1),
      told(CPU10, "taet-pgd_at", "worst", "all", "suggested", -1)]),
    ("more robust than PGD-AT", 2, "Open.",
     [told(GPU50, "taet-pgd_at", "pgd20", "all", "open"),
      told(GPU50, "taet-pgd_at", "worst", "all", "open", -1)]),
    ("more robust than AT-BSL", 1, "The contrary: shown and, on the processor, suggested.",
     [told(study, "taet-at_bsl", attack, "all", how, -1)
      for study, how in ((GPU10, "shown"), (CPU10, "suggested")) for attack in ("pgd20", "worst")]),
    ("more robust than AT-BSL", 2,
     "The contrary: suggested under PGD-20, open in the worst of all attacks.",
     [told(GPU50, "taet-at_bsl", "pgd20", "all", "suggested", -1),
      told(GPU50, "taet-at_bsl", "worst", "all", "open", -1)]),
    ("above all in the tail", 1,
     "Than PGD-AT: shown. Than AT-BSL the contrary: shown and, on the processor, suggested.",
     [told(study, pair, attack, "tail", how, sign)
      for study, pair, how, sign in ((GPU10, "taet-pgd_at", "shown", 1), (CPU10, "taet-pgd_at", "shown", 1),
                                     (GPU10, "taet-at_bsl", "shown", -1),
                                     (CPU10, "taet-at_bsl", "suggested", -1))
      for attack in ("pgd20", "worst")]),
    ("above all in the tail", 2,
     "Than PGD-AT: suggested. Than AT-BSL the contrary: shown under PGD-20, suggested in the worst of all "
     "attacks.",
     [told(GPU50, "taet-pgd_at", "pgd20", "tail", "suggested"),
      told(GPU50, "taet-pgd_at", "worst", "tail", "suggested"),
      told(GPU50, "taet-at_bsl", "pgd20", "tail", "shown", -1),
      told(GPU50, "taet-at_bsl", "worst", "tail", "suggested", -1)]),
    ("each of its loss terms helps", 1,
     "HDL and RCEL together do not help. BCL alone is more robust in the tail: shown. Over all classes: "
     "suggested and, on the processor, open under PGD-20; shown and, on the processor, suggested in the worst of "
     "all attacks.",
     [*(told(study, "taet_bcl-taet", attack, "tail", "shown")
        for study in (GPU10, CPU10) for attack in ("pgd20", "worst")),
      told(GPU10, "taet_bcl-taet", "pgd20", "all", "suggested"),
      told(CPU10, "taet_bcl-taet", "pgd20", "all", "open"),
      told(GPU10, "taet_bcl-taet", "worst", "all", "shown"),
      told(CPU10, "taet_bcl-taet", "worst", "all", "suggested")]),
    ("each of its loss terms helps", 2,
     "BCL alone is more robust in the tail: shown under PGD-20, suggested in the worst of all attacks. Over all "
     "classes: open.",
     [told(GPU50, "taet_bcl-taet", "pgd20", "tail", "shown"),
      told(GPU50, "taet_bcl-taet", "worst", "tail", "suggested"),
      told(GPU50, "taet_bcl-taet", "pgd20", "all", "open"),
      told(GPU50, "taet_bcl-taet", "worst", "all", "open")]),
    ("a clean stage 1 helps", 1,
     "Of TAET itself: on the digits only (below). AT-BSL loses by it over all classes: shown under PGD-20, "
     "suggested in the worst of all attacks. In the tail: open under PGD-20, suggested in the worst of all "
     "attacks. On the processor all four are open.",
     [told(GPU10, "at_bsl-at_bsl_clean40", "pgd20", "all", "shown"),
      told(CPU10, "at_bsl-at_bsl_clean40", "pgd20", "all", "open"),
      told(GPU10, "at_bsl-at_bsl_clean40", "worst", "all", "suggested"),
      told(CPU10, "at_bsl-at_bsl_clean40", "worst", "all", "open"),
      told(GPU10, "at_bsl-at_bsl_clean40", "pgd20", "tail", "open"),
      told(GPU10, "at_bsl-at_bsl_clean40", "worst", "tail", "suggested"),
      told(CPU10, "at_bsl-at_bsl_clean40", "pgd20", "tail", "open"),
      told(CPU10, "at_bsl-at_bsl_clean40", "worst", "tail", "open")]),
    ("a clean stage 1 helps", 2,
     "AT-BSL, over all classes: open under PGD-20, in the worst of all attacks it loses by it: suggested. In the "
     "tail: open.",
     [told(GPU50, "at_bsl-at_bsl_clean40", "pgd20", "all", "open"),
      told(GPU50, "at_bsl-at_bsl_clean40", "worst", "all", "suggested"),
      told(GPU50, "at_bsl-at_bsl_clean40", "pgd20", "tail", "open"),
      told(GPU50, "at_bsl-at_bsl_clean40", "worst", "tail", "open")]),
]  # fmt: skip


def claim_row(claim: str) -> list[str]:
    """Cells of the table of claims: the claim, then what each scale says of it."""
    rows = [line.split("|")[1:-1] for line in (ROOT / PAGE).read_text().splitlines() if "|" in line]
    (cells,) = [[cell.strip() for cell in row] for row in rows if row[0].strip() == claim]
    return cells


@pytest.mark.parametrize(("claim", "column", "text", "facts"), VERDICTS)
def test_verdicts(claim: str, column: int, text: str, facts: list[tuple]) -> None:
    assert claim_row(claim)[column] == text
    for *difference, how, sign in facts:
        assert verdict(*difference)[:2] == (sign, how), difference


def test_verdicts_at_the_papers_scale() -> None:
    """Two networks, TAET's and AT-BSL's: what they say, and that no other was trained."""
    methods = {s: set(saved_rows(s, "metrics.csv")["method"]) for s in (LARGE_TAET, LARGE_BSL)}
    assert methods == {LARGE_TAET: {"taet"}, LARGE_BSL: {"at_bsl"}}
    for claim, scope in (("more robust than AT-BSL", "all"), ("above all in the tail", "tail")):
        assert claim_row(claim)[3] == "So it is with these two networks."
        for attack in ("pgd20", "worst"):
            assert mean(LARGE_TAET, "taet", attack, scope) > mean(
                LARGE_BSL, "at_bsl", attack, scope
            )
    assert claim_row("more robust than PGD-AT")[3] == "not compared"
    for claim in ("each of its loss terms helps", "a clean stage 1 helps"):
        assert claim_row(claim)[3] == "not trained"


def test_the_other_view_keeps_the_signs() -> None:
    """Of TAET's differences to PGD-AT and AT-BSL, and which of them are open there."""
    opened = set()
    for study in (GPU10, GPU50):
        for pair in ("taet-pgd_at", "taet-at_bsl"):
            for attack in ("pgd20", "worst"):
                for scope in ("all", "tail"):
                    place = (study, *pair.split("-"), attack, scope)
                    sign, how, _ = verdict(*place, test_set="long_tailed")
                    assert sign == verdict(*place)[0], place
                    if how == "open":
                        opened.add((study, pair, scope))
    pairs = {(GPU50, pair, s) for pair in ("taet-pgd_at", "taet-at_bsl") for s in ("all", "tail")}
    assert opened == pairs | {(GPU10, "taet-pgd_at", "all")}


def test_costs() -> None:
    def cells(study: str, other: str) -> str:
        costs = [training_passes(load_params(study=study), method) for method in ("taet", other)]
        return "{:g} passes{{}}, not {:g}".format(*costs)

    for other in ("pgd_at", "at_bsl"):
        assert claim_row("it costs less") == [
            "it costs less",
            f"By construction: {cells(GPU10, other).format(' of a training image')}.",
            "the same",
            cells(LARGE_TAET, other).format(""),
        ]
    assert cells(GPU10, "at_bsl") == cells(GPU50, "at_bsl") == cells(CPU10, "at_bsl")


def test_one_sign_on_two_machines() -> None:
    for pair in ("taet-pgd_at", "taet-at_bsl", "taet-at_bsl_clean40", "taet-taet_bcl",
                 "at_bsl_clean40-at_bsl", "pgd_at-at_bsl", "taet_bcl-at_bsl"):  # fmt: skip
        for attack, scopes in (
            ("clean", ["all"]),
            ("pgd20", ["all", "tail"]),
            ("worst", ["all", "tail"]),
        ):
            for scope in scopes:
                signs = {verdict(s, *pair.split("-"), attack, scope)[0] for s in (GPU10, CPU10)}
                assert len(signs) == 1, (pair, attack, scope)


# -- numbers written by hand -------------------------------------------------------------------------


def words_of(page: str) -> str:
    """A page's text on one line, its minus signs as Python writes them."""
    return " ".join((ROOT / page).read_text().replace("\N{MINUS SIGN}", "-").split())


def balanced(study: str, test_set: str = "balanced") -> pd.DataFrame:
    """Kept balanced accuracies and their standard errors in per cent, by attack and scope, method and seed."""
    rows = saved_rows(study, "metrics.csv", test_set)
    rows = rows[rows["scope"] != "class"]
    columns = ["balanced_accuracy", "balanced_accuracy_se"]
    return 100 * rows.set_index(["attack", "scope", "method", "seed"]).sort_index()[columns]


def mean(study: str, method: str, attack: str, scope: str = "all") -> float:
    return float(balanced(study).loc[(attack, scope, method), "balanced_accuracy"].mean())


def points(more: float, low: float, high: float, form: str = ".1f") -> str:
    """A difference with its interval."""
    return f"{more:{form}} [{low:{form}}, {high:{form}}]"


def over_seeds(differences: pd.Series) -> tuple[float, float, float]:
    """Mean of paired differences, and Student's t interval of it."""
    n, center = len(differences), float(differences.mean())
    low, high = scipy.stats.t.interval(0.95, n - 1, center, scipy.stats.sem(differences))
    return center, low, high


def tukeys(study: str, one: str, other: str, attack: str, scope: str) -> tuple[float, ...]:
    """A difference and its interval, in points."""
    rows = tukey.differences(saved_rows(study, "metrics.csv"), 0.95)
    rows = rows[(rows["attack"] == attack) & (rows["scope"] == scope)]
    rows = rows.set_index(["method", "other"])[["difference", "low", "high"]]
    if (one, other) in rows.index:
        return tuple(100 * rows.loc[(one, other)])
    mean, low, high = 100 * rows.loc[(other, one)]
    return -mean, -high, -low


def ahead(study: str, one: str, other: str, scope: str = "all") -> tuple[float, float, float]:
    """Of a difference in the worst of all attacks."""
    robust = balanced(study)["balanced_accuracy"]["worst", scope]
    return over_seeds(robust[one] - robust[other])


def lost_more(study: str, other: str, sign: int = 1) -> str:
    """What TAET loses from PGD-20 to the worst case more than another, with its interval."""
    robust = balanced(study)["balanced_accuracy"]
    lost = robust["pgd20", "all"] - robust["worst", "all"]
    return points(*over_seeds(sign * (lost["taet"] - lost[other])))


def in_five(study: str, method: str) -> pd.Series:
    """Balanced robustness under PGD-20 in the five rarest classes, the paper's tail, of each seed."""
    rows = saved_rows(study, "metrics.csv")
    rows = rows[
        (rows["scope"] == "class")
        & (rows["class_index"].astype(float) >= 5)
        & (rows["attack"] == "pgd20")
    ]
    return 100 * rows[rows["method"] == method].groupby("seed")["accuracy"].mean()


def images_of_the_long_tail(study: str) -> int:
    rows = saved_rows(study, "metrics.csv", "long_tailed")
    (count,) = rows[rows["scope"] == "all"]["test_images"].unique()
    return int(count)


def ahead_in_five(study: str, one: str, other: str) -> str:
    return points(*over_seeds(in_five(study, one) - in_five(study, other)))


def bootstrap(study: str, one: str, other: str, attack: str, scope: str) -> str:
    rows = saved_rows(study, "contrasts.csv").set_index(["method", "other", "attack", "scope"])
    row = 100 * rows.loc[(other, one, attack, scope), ["low", "high"]].astype(float)
    return f"[{-row['high']:+.1f}, {-row['low']:+.1f}]"


def lead(attack: str, scope: str, sign: int = 1, test_set: str = "balanced") -> str:
    """TAET's lead at the paper's scale, with an interval as if both networks had test images of their own."""
    one = balanced(LARGE_TAET, test_set).loc[attack, scope, "taet", 0]
    other = balanced(LARGE_BSL, test_set).loc[attack, scope, "at_bsl", 0]
    more = sign * (one["balanced_accuracy"] - other["balanced_accuracy"])
    error = 1.96 * math.hypot(one["balanced_accuracy_se"], other["balanced_accuracy_se"])
    return points(more, more - error, more + error)


def apart(scope: str) -> str:
    """Root mean square of what two trainings from the same seed differ by."""
    one, other = (balanced(s)["balanced_accuracy"]["pgd20", scope] for s in (CPU10, GPU10))
    pairs = (one - other).dropna()
    assert len(pairs) == 15
    return f"{math.sqrt((pairs**2).mean()):.1f}"


def span(study: str, *methods: str) -> tuple[str, str]:
    """The least and the most of their balanced robustness in the tail under PGD-20."""
    values = [mean(study, method, "pgd20", "tail") for method in methods]
    return f"{min(values):.1f}", f"{max(values):.1f}"


def published(method: str, attack: str) -> tuple[float, float]:
    """A published balanced accuracy over all classes and the error of its reading, in points."""
    rows = pd.read_csv(ROOT / "data/reference/taet.csv")
    rows = rows[(rows["method"] == method) & (rows["attack"] == attack) & (rows["scope"] == "all")]
    rows = rows[rows["metric"].str.startswith("balanced") & rows["variant"].isna()]
    ((value, error),) = rows[["value", "uncertainty"]].to_numpy(float)
    return value, error


def over_published(study: str, method: str, attack: str) -> str:
    """What ours is above the published number, with both errors."""
    value, reading = published(method, attack)
    row = balanced(study).loc[attack, "all", method, 0]
    more = row["balanced_accuracy"] - value
    error = math.hypot(1.96 * row["balanced_accuracy_se"], reading)
    return points(more, more - error, more + error)


def sentences() -> list[str]:
    """What docs/results.md must say, word for word."""
    lost = {s: mean(s, "taet", "pgd20") - mean(s, "taet", "worst") for s in (GPU10, LARGE_TAET)}
    bsl_lost = mean(LARGE_BSL, "at_bsl", "pgd20") - mean(LARGE_BSL, "at_bsl", "worst")
    _, low10, high10 = ahead(GPU10, "pgd_at_la", "at_bsl")
    _, low50, high50 = ahead(GPU50, "pgd_at_la", "at_bsl")
    flat, steep = (
        span(OTHERS10, "trades", "mart", "adt", "he", "las_at"),
        span(OTHERS10, "robal", "reat", "pgd_at_la"),
    )
    gairat = [
        f"{mean(study, 'gairat', attack):.1f}"
        for study in (OTHERS10, OTHERS50)
        for attack in ("pgd20", "worst")
    ]
    _, low_lead, high_lead = ahead(GPU10, "taet", "pgd_at", "tail")
    return [
        f"is [{low_lead:+.1f}, {high_lead:+.1f}] over seeds, but "
        f"{bootstrap(GPU10, 'taet', 'pgd_at', 'worst', 'tail')} in the bootstrap over seeds and images.",
        f"In the five, under PGD-20, TAET is ahead of PGD-AT by {ahead_in_five(GPU10, 'taet', 'pgd_at')} points at "
        f"ratio 10 and by {ahead_in_five(GPU50, 'taet', 'pgd_at')} at 50, and behind AT-BSL by "
        f"{ahead_in_five(GPU10, 'at_bsl', 'taet')} and by {ahead_in_five(GPU50, 'at_bsl', 'taet')} (",
        f"With {images_of_the_long_tail(GPU10)} and {images_of_the_long_tail(GPU50)} images instead of 10000",
        f"TAET's network has {in_five(LARGE_TAET, 'taet').mean():.1f} % under PGD-20, AT-BSL's "
        f"{in_five(LARGE_BSL, 'at_bsl').mean():.1f}. In the long-tailed test set, of {images_of_the_long_tail(LARGE_BSL)} images, its lead is "
        f"{lead('pgd20', 'all', test_set='long_tailed')} points under PGD-20 and "
        f"{lead('worst', 'all', test_set='long_tailed')} or more in the worst of all; in the worst of PGD-20 and CW it is "
        f"open, {lead('worst2', 'all', test_set='long_tailed')}, and so is AT-BSL's in balanced accuracy, "
        f"{lead('clean', 'all', -1, 'long_tailed')}.",
        f"by {apart('all')} points, in the tail by {apart('tail')} (root mean square of 15 pairs)",
        f"between {low10:+.1f} and {high10:+.1f} points at ratio 10, and between {low50:+.1f} and {high50:+.1f} at 50",
        f"At ratio 10 TAET loses {lost[GPU10]:.1f} points from PGD-20 to the worst of all attacks.",
        f"That is more than any of the other five of this study loses: than PGD-AT by "
        f"{lost_more(GPU10, 'pgd_at')}, PGD-AT + LA by {lost_more(GPU10, 'pgd_at_la')}, "
        f"BCL alone by {lost_more(GPU10, 'taet_bcl')}, AT-BSL by {lost_more(GPU10, 'at_bsl')}, "
        f"AT-BSL after clean by {lost_more(GPU10, 'at_bsl_clean40')} (",
        f"it loses more than PGD-AT, by {lost_more(GPU50, 'pgd_at')}, and less than PGD-AT + LA, by "
        f"{lost_more(GPU50, 'pgd_at_la', -1)}. Against AT-BSL nothing can be told: {lost_more(GPU50, 'at_bsl')}; nor "
        f"against BCL alone, {lost_more(GPU50, 'taet_bcl')}, and AT-BSL after clean, "
        f"{lost_more(GPU50, 'at_bsl_clean40')}.",
        f"Of all methods GAIRAT loses most: of {gairat[0]} % under PGD-20 at ratio 10 it keeps {gairat[1]} in the worst",
        f"of {gairat[2]} % at ratio 50 it keeps {gairat[3]}",
        f"In the tail, under PGD-20, TRADES, MART, ADT, HE and LAS-AT have {flat[0]} to {flat[1]} %, "
        f"PGD-AT above has {mean(GPU10, 'pgd_at', 'pgd20', 'tail'):.1f}. "
        f"RoBal, REAT and LA have {steep[0]} to {steep[1]} %, "
        f"AT-BSL above has {mean(GPU10, 'at_bsl', 'pgd20', 'tail'):.1f}.",
        "Here TAET's network is ahead of AT-BSL's in robustness, as the paper says and against the small scale: "
        f"by {lead('pgd20', 'all')} points under PGD-20, by {lead('worst2', 'all')} in the worst of PGD-20 and "
        f"CW, and by {lead('worst', 'all')} or more in the worst of all",
        f"by {lead('pgd20', 'tail')} under PGD-20 and by {lead('worst', 'tail')} or more in the worst of all",
        f"AT-BSL's network is ahead by {lead('clean', 'all', -1)}. In the tail TAET's is, by {lead('clean', 'tail')}.",
        f"Published are {published('taet', 'clean')[0]:.1f} for TAET, with which ours agrees as far as test images can "
        f"tell, and {published('at_bsl', 'clean')[0]:.1f} for AT-BSL, above which ours is by "
        f"{over_published(LARGE_BSL, 'at_bsl', 'clean')}.",
        f"{lead('pgd20', 'all')} are left: our AT-BSL has {over_published(LARGE_BSL, 'at_bsl', 'pgd20')} points more "
        f"than its published {published('at_bsl', 'pgd20')[0]:g}, our TAET "
        f"{over_published(LARGE_TAET, 'taet', 'pgd20')} more than its published {published('taet', 'pgd20')[0]:g} (",
        f"TAET loses {lost[LARGE_TAET]:.1f} points with full AutoAttack, AT-BSL {bsl_lost:.1f} with APGD-CE+T.",
    ]


def test_numbers_in_sentences() -> None:
    page = words_of(PAGE)
    missing = [sentence for sentence in sentences() if sentence not in page]
    assert not missing, "\n".join(missing)


def test_what_it_loses_more_than_any_other() -> None:
    robust = balanced(GPU10)["balanced_accuracy"].groupby(level=[0, 1, 2]).mean()
    lost = robust["pgd20", "all"] - robust["worst", "all"]
    assert lost.idxmax() == "taet"


def test_numbers_of_the_readme() -> None:
    """Each with what it is said of, so that no number can stand for another."""

    def worded(more: float, low: float, high: float) -> str:
        return f"{more:.1f} points [{low:.1f}, {high:.1f}]"

    behind, least, most = ahead(GPU10, "at_bsl", "taet")
    large = mean(LARGE_TAET, "taet", "worst") - mean(LARGE_BSL, "at_bsl", "worst")
    lost = lost_more(GPU10, "at_bsl").replace(" [", " points [")
    readme = words_of("README.md")
    for sentence in (
        f"by {worded(behind, least, most)} at imbalance ratio 10 (n = 3); ratio 50 is open.",
        f"It leads AT-BSL with the large one**, by {large:.1f} points.",
        f"It beats PGD-AT in the tail**, by {worded(*ahead(GPU10, 'taet', 'pgd_at', 'tail'))} (ratio 10, n = 3), and "
        "trails it over all classes.",
        f"TAET loses {lost} more than AT-BSL (ratio 10, n = 3).",
    ):
        assert sentence in readme, sentence
    assert verdict(GPU50, "taet", "at_bsl", "worst", "all")[1] == "open"
    assert ahead(GPU10, "taet", "pgd_at")[2] < 0


def test_the_picture_of_the_readme(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "workflow/scripts"))
    monkeypatch.chdir(ROOT)
    import forest

    for study in (GPU10, GPU50):
        for scope in ("all", "tail"):
            drawn = forest.differences(study, scope)
            assert len(drawn) == 5
            for label, other in (("AT-BSL", "at_bsl"), ("PGD-AT", "pgd_at")):
                assert drawn[label] == pytest.approx(tukeys(study, "taet", other, "worst", scope))
    for scope in ("all", "tail"):
        large = mean(LARGE_TAET, "taet", "worst", scope) - mean(LARGE_BSL, "at_bsl", "worst", scope)
        assert forest.at_the_papers_scale(scope)[0] == pytest.approx(large)
    (made,) = {
        r["versions"]["matplotlib"]
        for o, r in read_records(REFERENCE / GPU10).items()
        if "/figures/" in o
    }
    if made == importlib.metadata.version("matplotlib"):
        assert to_bytes(forest.draw(), "svg") == forest.PICTURE.read_bytes(), (
            "python workflow/scripts/forest.py"
        )

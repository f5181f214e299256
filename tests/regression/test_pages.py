"""Pages that show saved results: rendered from their templates, and no claim that the results do not bear."""

import csv
import importlib.metadata
import math
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from taet.errors import UserError
from taet.report.style import to_bytes
from taet.scores.summary import read_rows
from taet.study.plan.saved import read_records, saved_name
from tests.conftest import ROOT

pytestmark = pytest.mark.saved
REFERENCE = ROOT / "results" / "reference"
IR10, IR50, CPU10 = "cifar10_small_gpu_ir10", "cifar10_small_gpu", "cifar10_small"


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    monkeypatch.syspath_prepend(str(ROOT / "workflow" / "scripts"))


@pytest.fixture
def pages(scripts: None) -> ModuleType:
    import pages

    return pages


@pytest.fixture
def result_tables(scripts: None) -> ModuleType:
    import result_tables

    return result_tables


@pytest.fixture
def numbers(scripts: None) -> ModuleType:
    import saved_numbers

    return saved_numbers


def test_pages_are_current(pages: ModuleType) -> None:
    templates = pages.templates()
    names = {str(template.relative_to(ROOT)) for template in templates}
    assert {"README.md.in", "docs/results.md.in", "docs/speed.md.in"} <= names
    for template in templates:
        text = pages.target(template).read_text()
        assert text == pages.rendered(template), "run: python workflow/scripts/pages.py"


def test_what_a_template_cannot_have(pages: ModuleType, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(pages, "ROOT", tmp_path)
    template = tmp_path / "wrong.md.in"
    for text, message in (
        ("{{ led(1) }}", "'led' is undefined"),
        ('{{ lead("cifar10_smal", "taet", "at_bsl") }}', "cifar10_smal"),
        (f'{{{{ lead("{IR10}", "taet", "at_bsl") }}}}', "no significant lead"),
        (f'{{{{ lead("{IR10}", "taet", "at_bs") }}}}', "at_bs"),
    ):
        template.write_text(text)
        with pytest.raises(UserError, match=f"wrong.md.in: .*{message}"):
            pages.rendered(template)


def metrics(study: str, test_set: str = "balanced") -> pd.DataFrame:
    return saved_rows(study, "metrics.csv", test_set)


def saved_rows(study: str, file: str, test_set: str = "balanced") -> pd.DataFrame:
    """Of the last checkpoint."""
    rows = read_rows(REFERENCE / study / "score" / saved_name(file))
    return rows[(rows["test_set"] == test_set) & (rows["checkpoint"] == "last")]


def robustness(study: str, attack: str, scope: str) -> pd.DataFrame:
    """Per cent, by method and seed."""
    rows = metrics(study)
    rows = rows[(rows["attack"] == attack) & (rows["scope"] == scope)]
    return 100 * rows.pivot(index="method", columns="seed", values="balanced_accuracy")


def tukey(study: str, one: str, other: str, attack: str, scope: str) -> tuple[float, float]:
    """Difference and half its interval, written a second time."""
    table = robustness(study, attack, scope)
    assert (table.max(axis=1) > 1).all(), "no method without a tail"
    values = table.to_numpy()
    m, s = values.shape
    residuals = values - values.mean(1, keepdims=True) - values.mean(0) + values.mean()
    df = (m - 1) * (s - 1)
    q = stats.studentized_range.ppf(0.95, m, df)
    reach = q * math.sqrt((residuals**2).sum() / df / s)
    return table.loc[one].mean() - table.loc[other].mean(), reach


def tukeys(study: str, one: str, other: str, attack: str, scope: str) -> tuple[float, ...]:
    """A difference and its interval as they are saved, in points."""
    rows = saved_rows(study, "differences.csv")
    rows = rows[(rows["attack"] == attack) & (rows["scope"] == scope)]
    rows = rows.set_index(["method", "other"])[["difference", "low", "high"]]
    if (one, other) in rows.index:
        return tuple(100 * rows.loc[(one, other)])
    center, low, high = 100 * rows.loc[(other, one)]
    return -center, -high, -low


def minus(text: str) -> str:
    return text.replace("-", "\N{MINUS SIGN}")


@pytest.mark.parametrize(
    ("attack", "scope"), [("worst", "all"), ("pgd20", "all"), ("worst", "tail")]
)
def test_differences(numbers: ModuleType, attack: str, scope: str) -> None:
    for other in ("at_bsl", "pgd_at", "taet_bcl"):
        center, reach = tukey(IR10, "taet", other, attack, scope)
        expected = minus(f"{center:+.1f} [{center - reach:+.1f}, {center + reach:+.1f}]")
        if abs(center) > reach:
            expected = f"**{expected}**"
        assert numbers.difference(IR10, "taet", other, attack, scope) == expected


def test_claims_are_checked(numbers: ModuleType) -> None:
    center, reach = tukey(IR10, "at_bsl", "taet", "worst", "all")
    assert numbers.lead(IR10, "at_bsl", "taet") == (
        f"{center:.1f} points [{center - reach:.1f}, {center + reach:.1f}]"
    )
    for claim in (
        lambda: numbers.lead(IR10, "taet", "at_bsl"),
        lambda: numbers.lead(IR50, "taet", "pgd_at"),
        lambda: numbers.undecided(IR10, "taet", "at_bsl"),
        lambda: numbers.paper_lead("at_bsl", "taet"),
    ):
        with pytest.raises(UserError):
            claim()
    assert numbers.undecided(IR50, "taet", "pgd_at").startswith("\N{MINUS SIGN}1.1 points [")


@pytest.mark.parametrize("ratio", [10, 20])
def test_a_study_of_several_ratios(numbers: ModuleType, ratio: int) -> None:
    rows = saved_rows("digits_fairness", "differences.csv")
    rows = rows[(rows["attack"] == "worst") & (rows["scope"] == "tail")]
    rows = rows[rows["imbalance_ratio"] == str(ratio)].set_index(["method", "other"])
    center, low, high = 100 * rows.loc[("dafa", "at_bsl"), ["difference", "low", "high"]]
    lead = numbers.lead("digits_fairness", "at_bsl", "dafa", scope="tail", ratio=ratio)
    assert lead == f"{-center:.1f} points [{-high:.1f}, {-low:.1f}]"


def test_differences_are_tukeys(result_tables: ModuleType) -> None:
    """Numbers, bold and note against differences.csv, of two studies of which one lacks a method."""
    pairs = [("taet", "pgd_at"), ("taet", "at_bsl"), ("pgd_at_la", "at_bsl")]
    text = result_tables.differences_of([IR50, CPU10], pairs)
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
        difference, low, high = tukeys(IR50, one, other, *family)
        written = [
            float(x) for x in re.findall(r"[-+]\d+\.\d", text_of_50.replace("\N{MINUS SIGN}", "-"))
        ]
        assert written == pytest.approx([difference, low, high], abs=0.051)
        assert ("**" in text_of_50) == (low > 0 or high < 0)
        significant += low > 0 or high < 0
        assert (text_of_10 == "\N{EN DASH}") == ("pgd_at_la" in (one, other))
    assert 0 < significant < len(cells)
    assert f"Pairs: 15 of {IR50}, 10 of {CPU10}." in text
    assert f"0 or 100 %: PGD-AT ({IR50}, tail classes)." in text
    rows = saved_rows(IR50, "differences.csv")
    by_family = 100 * rows.groupby(["attack", "scope"])["detectable"].first()
    points_of = [by_family[family] for family in result_tables.COMPARED]
    least, most = min(points_of), max(points_of)
    assert f"{least:.1f} to {most:.1f} points in {IR50}" in text
    assert text.strip().endswith(f"Made by older code: {IR50}, {CPU10}.")


@pytest.mark.parametrize(
    ("studies", "pairs", "message"),
    [
        ([IR10], [("taet", "pgd_ad")], "no method 'pgd_ad'"),
        ([IR10], [("taet", "taet")], "is no METHOD-OTHER"),
        ([CPU10, CPU10], [("taet", "pgd_at")], "named twice"),
        (["cifar10_gpu"], [("taet", "pgd_at")], "no interval over seeds"),
        (["digits_ablation", "digits_precision"], [("taet", "pgd_at")], "differ in"),
    ],
)
def test_tables_that_cannot_be(
    result_tables: ModuleType, studies: list[str], pairs: list[tuple[str, str]], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        result_tables.differences_of(studies, pairs)


def test_single_numbers(numbers: ModuleType) -> None:
    worst, pgd = (robustness(IR10, attack, "all") for attack in ("worst", "pgd20"))
    assert numbers.mean(IR10, "taet") == f"{worst.loc['taet'].mean():.1f}"
    lost = (pgd - worst).mean(axis=1)
    assert numbers.loss(IR10, "taet") == f"{lost['taet']:.1f}"
    assert numbers.seeds(IR10) == 3
    assert numbers.images(IR10) == "10,000"
    # 12 epochs, of which 5 clean; 8 forward and 8 backward passes with PGD-7, 1 and 1 without attack.
    assert numbers.passes(IR10, "at_bsl") == f"{12 * 16}"
    assert numbers.passes(IR10, "taet") == f"{5 * 2 + 7 * 16}"


@pytest.mark.parametrize("test_set", ["balanced", "long_tailed"])
def test_the_papers_scale(numbers: ModuleType, test_set: str) -> None:
    """Two networks, and the error of their test images alone."""
    shares, errors = [], []
    for study in ("cifar10_gpu", "cifar10_gpu_at_bsl"):
        rows = metrics(study, test_set)
        classes = rows[(rows["scope"] == "class") & (rows["attack"] == "worst")]
        p, n = classes["accuracy"].to_numpy(), classes["test_images"].to_numpy()
        assert len(p) == 10
        shares.append(100 * p.mean())
        errors.append(100 * np.sqrt((p * (1 - p) / (n - 1)).sum()) / 10)
    reach = stats.norm.ppf(0.975) * math.hypot(*errors)
    center, low, high = numbers.papers_scale.difference("worst", "all", test_set)
    assert center == pytest.approx(shares[0] - shares[1], abs=0.01)
    assert (high - low) / 2 == pytest.approx(reach, rel=0.03)


def test_the_published_lead(numbers: ModuleType) -> None:
    """The classes of performance2.jpg, printed as numbers: TAET minus AT-BSL."""
    taet, at_bsl = (23.74, 34.83, 32.53, 36.34, 27), (23.02, 26.97, 21.7, 21.7, 19)
    assert numbers.published_lead() == f"{np.mean(taet) - np.mean(at_bsl):.1f}"


def test_pilots_leave_out_the_warm_up(numbers: ModuleType) -> None:
    """TAET's stage 1 has 60 of the 150 epochs; its best checkpoint is one of stage 2."""
    with (REFERENCE / "pilots/cifar10_overfit.csv").open(newline="") as file:
        rows = [r for r in csv.DictReader(file) if (r["head_images"], r["seed"]) == ("200", "1")]
    for method, stabilization in (("taet", 60), ("at_bsl", 0)):
        measured = [
            100 * float(row["validation_robustness"])
            for row in rows
            if row["method"] == method
            and int(row["epoch"]) > stabilization
            and row["validation_robustness"]
        ]
        expected = f"{max(measured):.1f} to {measured[-1]:.1f}"
        assert numbers.pilot(200, method, 1) == expected


def test_the_figure_of_the_readme(scripts: None, numbers: ModuleType) -> None:
    import forest

    for study in (IR10, IR50):
        for scope in ("all", "tail"):
            assert len(forest.leads(study, scope)) == 5
    center, reach = tukey(IR10, "taet", "at_bsl", "worst", "tail")
    expected = (center, center - reach, center + reach)
    drawn = forest.leads(IR10, "tail").loc["AT-BSL", ["difference", "low", "high"]]
    assert list(drawn) == pytest.approx(expected, abs=0.01)
    (made,) = {
        record["versions"]["matplotlib"]
        for output, record in read_records(REFERENCE / IR10).items()
        if "/figures/" in output
    }
    if made == importlib.metadata.version("matplotlib"):
        assert to_bytes(forest.draw(), "svg") == forest.FIGURE.read_bytes(), (
            "run: python workflow/scripts/forest.py"
        )

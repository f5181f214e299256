"""Kept results can be drawn again from their metrics, without any training, byte for byte."""

import importlib.metadata
import itertools
import json
import math
import re
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest
import scipy.stats

from taet.errors import UserError
from tests.conftest import ROOT, Tree, copy_project
from tests.docs.pages import commands

PAGE = "reproduce_a_table.md"
REFERENCE = ROOT / "results" / "reference"
STUDIES = sorted(file.parent.parent.name for file in REFERENCE.glob("*/score/manifest.json"))


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """The project with what is kept alone, and what the page's first commands make of it, for every study."""
    draw = commands(PAGE)[0]
    assert draw[-2:] == ["study=digits", "kept=true"]
    tree = copy_project(tmp_path_factory.mktemp("kept") / "tree")
    for study in STUDIES:
        for part in ("score", "inspect", "records"):
            kept = REFERENCE / study / part
            shutil.copytree(kept, tree.path / "results/reference" / study / part)
        said = tree.ok(*draw[:-2], f"study={study}", draw[-1], timeout=600)
        assert "equalize" not in said
    return tree


@pytest.mark.e2e
@pytest.mark.parametrize("study", STUDIES)
def test_tables_and_figures_are_those_that_are_kept(study: str, drawn: Tree) -> None:
    kept, new = REFERENCE / study, drawn.path / "results" / study
    files = [f for part in ("tables", "figures") for f in (kept / part).iterdir()]
    # Another matplotlib draws other bytes of the same picture.
    (record,) = kept.glob("records/**/figures/manifest.record.json")
    same = json.loads(record.read_text())["versions"]["matplotlib"] == importlib.metadata.version(
        "matplotlib"
    )
    compared = [f for f in files if f.name != "manifest.json" and (same or f.suffix != ".png")]
    assert len(compared) >= 4
    for file in compared:
        assert (new / file.relative_to(kept)).read_bytes() == file.read_bytes(), file


@pytest.mark.e2e
@pytest.mark.parametrize("study", STUDIES)
def test_reports_name_the_kept_records(study: str, drawn: Tree) -> None:
    page = (drawn.path / "results" / study / "report.html").read_text()
    kept = REFERENCE / study / "records"
    # Tables and figures were drawn anew.
    made = [f for f in kept.rglob("*.record.json") if f.parent.name not in ("tables", "figures")]
    assert len(made) >= 5
    for record in (json.loads(file.read_text()) for file in made):
        row = page.partition(f'<tr id="job-{record["job"].replace(" ", "-")}">')[2]
        assert record["key"] in row.partition("</tr>")[0]
        assert record["code"]["revision"] in row.partition("</tr>")[0]


@pytest.mark.e2e
def test_kept_metrics_are_left_alone(drawn: Tree) -> None:
    """``all`` is what Snakemake runs if no target is named; outputs of rules are deleted before they run."""
    before = drawn.contents("results/reference")
    drawn.ok(
        "snakemake", "--cores", "1", "--forceall", "--config", "study=digits_precision", "kept=true"
    )
    assert drawn.contents("results/reference") == before
    refused = drawn.run(
        "snakemake", "--cores", "1", "score", "--config", "study=digits_precision", "kept=true"
    )
    assert refused.returncode != 0
    assert drawn.contents("results/reference") == before


@pytest.mark.e2e
def test_what_was_drawn_again_is_kept(drawn: Tree) -> None:
    """Tables and pictures are taken over, and nothing else of a study moves."""
    study = "results/reference/digits_precision"
    before = drawn.contents(study)
    drawn.ok(sys.executable, "workflow/scripts/keep.py", "digits_precision", "--drawn")
    after = drawn.contents(study)
    assert before.items() <= after.items()
    for part in ("tables", "figures"):
        kept = sorted(f.name for f in (ROOT / study / part).iterdir())
        assert sorted(f.name for f in (drawn.path / study / part).iterdir()) == kept
    refused = drawn.run(sys.executable, "workflow/scripts/keep.py", "digits_precision")
    assert refused.returncode == 1
    assert "run the study first: snakemake --cores 4 all" in refused.stderr
    drawn.edit("params.yaml", "threat: {eps: 0.1}", "threat: {eps: 0.2}")
    other = drawn.run(sys.executable, "workflow/scripts/keep.py", "digits_precision", "--drawn")
    drawn.edit("params.yaml", "threat: {eps: 0.2}", "threat: {eps: 0.1}")
    assert other.returncode == 1
    assert "threat was another one than in params.yaml" in other.stderr
    assert drawn.contents(study) == after


def test_about_says_what_is_not_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "workflow" / "scripts"))
    import keep

    def record(job: str, started: str, **facts: object) -> None:
        about = {
            "job": job, "started": started, "wall_seconds": 60, "cpu_seconds": 60, "peak_memory_mib": 1,
            "code": {"revision": "abc"}, "versions": {"torch": "2"},
            "machine": {"processor": "P", "cpu_count": 2}, **facts,
        }  # fmt: skip
        (tmp_path / f"{job.replace(' ', '_')}.record.json").write_text(json.dumps(about))

    record("download digits", "2026-01-01T00:00:00Z")
    record("equalize a", "2026-01-03T23:59:30Z", resumed_at_epoch=0)
    record("attack a", "2026-01-03T12:00:00Z", resumed=False)
    record("figures", "2026-02-01T00:00:00Z")
    text = keep.about(tmp_path, "s")
    assert "- from 2026-01-03 12:00 to 2026-01-04 00:00 UTC, 720 minutes" in text
    assert "- processor time of all jobs: 4 minutes" in text
    assert "- 1 of these jobs went on after an interruption" in text


@pytest.mark.e2e
def test_the_page_finds_its_files(drawn: Tree) -> None:
    """docs/reproduce_a_table.md names pictures and tables that are there."""
    assert {command[-2].removeprefix("study=") for command in commands(PAGE)} <= set(STUDIES)
    page = (ROOT / "docs" / PAGE).read_text()
    results = drawn.path / "results"
    pictures = set(re.findall(r"`figures/(\w+_)\*`", page))
    assert len(pictures) >= 10
    for picture in pictures:
        assert list(results.glob(f"*/figures/{picture}*.svg")), picture
    tables = "".join(file.read_text() for file in results.glob("*/tables/main.md"))
    titles = re.findall(r'"([a-z ]+)"', page)
    assert len(titles) >= 6
    for title in titles:
        assert f": {title}" in tables, title


def test_a_study_that_is_not_kept_is_said(tree: Tree) -> None:
    done = tree.run("taet", "tables", "--kept")
    assert done.returncode == 1
    assert done.stderr.startswith("taet tables: no metrics of study 'tiny' are kept")


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


@pytest.mark.parametrize("study", STUDIES)
def test_a_page_says_what_a_kept_study_found(study: str) -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    text = "".join(page.read_text() for page in pages)
    assert f"results/reference/{study}/tables/main.md" in text or f"results of {study} -->" in text


def words_of(page: str) -> str:
    """A page's text on one line, its minus signs as Python writes them."""
    return " ".join((ROOT / page).read_text().replace("\N{MINUS SIGN}", "-").split())


def test_the_readme_says_what_the_results_say() -> None:
    """Numbers with an interval, which it repeats by hand."""
    readme, results = words_of("README.md"), words_of("docs/results.md")
    summary = readme.split("(docs/results.md)**", 1)[1].split("Results are kept", 1)[0]
    numbers = re.findall(r"[+-]?\d+\.\d \[[^\]]+\]", summary)
    assert len(numbers) >= 5
    for number in numbers:
        assert said(number, results), number


def balanced(study: str) -> pd.DataFrame:
    """Kept balanced accuracies and their standard errors in per cent, by attack and scope, method and seed."""
    rows = pd.read_csv(REFERENCE / study / "score/metrics.csv")
    rows = rows[(rows["view"] == "balanced") & (rows["scope"] != "class")]
    columns = ["balanced_accuracy", "balanced_accuracy_se"]
    return 100 * rows.set_index(["attack", "scope", "method", "seed"]).sort_index()[columns]


def said(number: str, page: str) -> bool:
    """Whether a page has this number: not as a part of a longer one, and with its sign if it shows one."""
    plain = number.replace("+", "")
    return any(re.search(rf"(?<![\d.+-]){re.escape(n)}(?!\d)", page) for n in (number, plain))


@pytest.mark.parametrize(
    ("study", "other"),
    [
        ("cifar10_small_gpu_ir10", "at_bsl"),
        *(("cifar10_small_gpu", m) for m in ("pgd_at", "pgd_at_la", "at_bsl")),
    ],
)
def test_what_pgd20_flatters_by(study: str, other: str) -> None:
    """The page's numbers, written by hand: what TAET loses from PGD-20 to the worst case more than another."""
    robust = balanced(study)["balanced_accuracy"]
    lost = robust["pgd20", "all"] - robust["worst", "all"]
    more = lost["taet"] - lost[other]
    low, high = scipy.stats.t.interval(0.95, len(more) - 1, more.mean(), scipy.stats.sem(more))
    found = f"{more.mean():+.1f} [{low:+.1f}, {high:+.1f}]"
    assert said(found, words_of("docs/results.md")), found


def test_what_two_trainings_from_the_same_seeds_differ_by() -> None:
    """The page's numbers, written by hand, of the study that was trained on two machines."""
    pairs = {}
    for scope in ("all", "tail"):
        one, other = (
            balanced(study)["balanced_accuracy"]["pgd20", scope]
            for study in ("cifar10_small", "cifar10_small_gpu_ir10")
        )
        pairs[scope] = (one - other).dropna()
    everywhere, tail = (math.sqrt((pairs[scope] ** 2).mean()) for scope in ("all", "tail"))
    found = f"by {everywhere:.1f} points, in the tail by {tail:.1f} (root mean square of {len(pairs['all'])} pairs)"
    assert said(found, words_of("docs/results.md")), found


def test_differences_have_one_sign_on_two_machines() -> None:
    one, other = (
        balanced(study)["balanced_accuracy"].groupby(level=[0, 1, 2]).mean()
        for study in ("cifar10_small", "cifar10_small_gpu_ir10")
    )
    for attack, scope in (("pgd20", "all"), ("worst", "all"), ("worst", "tail")):
        for methods in itertools.combinations(
            ("pgd_at", "at_bsl", "at_bsl_clean40", "taet_bcl", "taet"), 2
        ):
            if "taet" in methods or methods == ("at_bsl", "at_bsl_clean40"):
                first, second = (
                    robust[attack, scope][methods[0]] - robust[attack, scope][methods[1]]
                    for robust in (one, other)
                )
                assert first * second > 0, (attack, scope, methods)


def test_what_two_networks_at_the_papers_scale_differ_by() -> None:
    """The page's numbers, written by hand, with intervals as if each network had had its own test images."""
    page = words_of("docs/results.md")
    taet, at_bsl = balanced("cifar10_gpu"), balanced("cifar10_gpu_at_bsl")
    for attack, scope, ahead in (
        ("clean", "all", -1),
        ("pgd20", "all", 1),
        ("pgd20", "tail", 1),
        ("worst", "all", 1),
    ):
        one, other = taet.loc[attack, scope, "taet", 0], at_bsl.loc[attack, scope, "at_bsl", 0]
        more = ahead * (one["balanced_accuracy"] - other["balanced_accuracy"])
        error = 1.96 * math.hypot(one["balanced_accuracy_se"], other["balanced_accuracy_se"])
        found = f"{more:.1f} [{more - error:.1f}, {more + error:.1f}]"
        assert said(found, page), (attack, scope, found)


def test_pages_lose_no_text(result_tables: ModuleType) -> None:
    """What stands between a mark and the next end is written anew: a mark without an end would take more."""
    text = Path("docs/results.md").read_text()
    for wrong in (
        text.replace("<!-- end -->", "", 1),
        text.replace("results of cifar10_gpu -->", "results of cifar10_gp -->"),
        text.replace("taet-pgd_at,", "taet-pgd_ad,", 1),
    ):
        assert wrong != text
        with pytest.raises(UserError):
            result_tables.renewed(wrong)


def test_differences_are_those_of_the_contrasts(result_tables: ModuleType) -> None:
    """The page's intervals against the t-test of contrasts.csv: p below 0.05 where there is no 0 in one."""
    study = "cifar10_small_gpu"
    rows = pd.read_csv(REFERENCE / study / "score/contrasts.csv")
    rows = rows[(rows["view"] == "balanced") & (rows["attack"] == "worst")]
    for one, other in (("taet", "pgd_at"), ("taet", "at_bsl"), ("pgd_at_la", "at_bsl")):
        (line,) = result_tables.differences_of(study, [(one, other)]).splitlines()[2:3]
        for cell, scope in zip(line.split("|")[-3:-1], ("all", "tail"), strict=True):
            part = rows[rows["scope"] == scope]
            (row,) = part[part[["method", "other"]].isin([one, other]).all(axis=1)].itertuples()
            sign = 1 if row.method == one else -1
            mean, low, high = (float(x) for x in re.findall(r"[-+]\d+\.\d", cell))
            assert mean == pytest.approx(sign * 100 * row.difference, abs=0.051)
            assert (low + high) / 2 == pytest.approx(mean, abs=0.11)
            assert ("≈" in cell) == (low <= 0 <= high) == (row.p > 0.05)
            assert ("**" in cell) == (row.p_holm < 0.05)

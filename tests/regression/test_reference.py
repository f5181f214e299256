"""Kept results can be drawn again from their metrics, without any training, byte for byte."""

import importlib.metadata
import json
import re
import shutil
import sys
from pathlib import Path

import pytest

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


@pytest.mark.kept
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


@pytest.mark.kept
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


@pytest.mark.kept
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


@pytest.mark.kept
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


@pytest.mark.kept
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


@pytest.mark.parametrize("study", STUDIES)
def test_a_page_says_what_a_kept_study_found(study: str) -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    text = "".join(page.read_text() for page in pages)
    assert f"results/reference/{study}/tables/main.md" in text or f"results of {study} -->" in text

"""Saved results can be drawn again from their metrics, without any training, byte for byte."""

import importlib.metadata
import json
import re
import shutil
import sys
from pathlib import Path

import pytest

from taet.study.params.load import load_params
from taet.study.params.overlay import read_file
from taet.study.plan.saved import ABOUT, RECORDS, SavedStudy, read_records
from taet.study.plan.stages import DRAWN
from tests.conftest import ROOT, Tree, copy_project
from tests.docs.pages import commands

PAGE = "reproduce_a_table.md"
REFERENCE = ROOT / "results" / "reference"
MEASUREMENTS = ("benchmarks", "faults", "pilots")  # folders of no study
STUDIES = sorted(file.parent.parent.name for file in REFERENCE.glob("*/score/manifest.json"))


def saved_copy(folder: Path, study: str) -> Tree:
    """The project with nothing of a study but what is saved."""
    tree = copy_project(folder / "tree")
    shutil.copytree(REFERENCE / study, tree.path / "results/reference" / study)
    return tree


def redraw(tree: Tree, study: str) -> None:
    """As the page's first command does."""
    assert commands(PAGE)[0] == ["taet", "redraw", "--study", "digits"]
    tree.ok("taet", "redraw", "--study", study, timeout=600)


@pytest.mark.saved
@pytest.mark.parametrize("study", STUDIES)
def test_saved_results_are_drawn_again(study: str, tmp_path: Path) -> None:
    """The same tables and figures, and a page that names the saved records; what is saved is left alone."""
    tree, saved = saved_copy(tmp_path, study), REFERENCE / study
    before, new = tree.contents("results/reference"), tree.path / "results" / study / "redrawn"
    redraw(tree, study)
    assert tree.contents("results/reference") == before
    tables = digests(saved / "tables")
    assert digests(new / "tables") == tables
    for name in tables:
        assert (new / "tables" / name).read_bytes() == (saved / "tables" / name).read_bytes()
    # Another matplotlib draws other bytes of the same figure.
    record = read_records(saved)[f"results/{study}/figures/manifest.json"]
    drawn, expected = digests(new / "figures"), digests(saved / "figures")
    assert drawn.keys() == expected.keys()
    if record["versions"]["matplotlib"] == importlib.metadata.version("matplotlib"):
        assert drawn == expected
    check_records_on(new / "report.html", saved)


def digests(folder: Path) -> dict[str, str]:
    """Of each file that a folder's manifest lists."""
    return json.loads((folder / "manifest.json").read_text())["files"]


def check_records_on(page: Path, saved: Path) -> None:
    """Tables and figures were drawn anew; every other job's row has the saved key and revision."""
    text = page.read_text()
    made = [r for r in read_records(saved).values() if r["job"] not in ("tables", "figures")]
    assert len(made) >= 5
    for record in made:
        row = text.partition(f'<tr id="job-{record["job"].replace(" ", "-")}">')[2]
        assert record["key"] in row.partition("</tr>")[0]
        assert record["code"]["revision"] in row.partition("</tr>")[0]


@pytest.mark.saved
def test_what_was_drawn_again_is_saved(tmp_path: Path) -> None:
    """Tables and the manifest of the figures are taken over, and nothing else of a study moves."""
    name, study = "digits_precision", "results/reference/digits_precision"
    tree = saved_copy(tmp_path, name)
    tree.edit("params.yaml", "label: PGD-AT", "label: PGD training")
    redraw(tree, name)
    before = tree.contents(study)
    tree.ok(sys.executable, "workflow/scripts/save.py", name, "--drawn")
    after = tree.contents(study)
    assert before.keys() == after.keys()
    for part in DRAWN:
        redrawn, saved = (
            tree.path / folder / part for folder in (f"results/{name}/redrawn", study)
        )
        assert digests(saved) == digests(redrawn) != digests(REFERENCE / name / part)
    changed = {file.removeprefix(f"{study}/") for file in before if after[file] != before[file]}
    assert changed == {
        *(RECORDS, ABOUT),
        *("tables/manifest.json", "tables/main.md", "tables/main.tex", "figures/manifest.json"),
    }
    refused = tree.run(sys.executable, "workflow/scripts/save.py", name)
    assert refused.returncode == 1
    assert "run first: snakemake --cores 4 all" in refused.stderr
    tree.edit("params.yaml", "threat: {eps: 0.1}", "threat: {eps: 0.2}")
    other = tree.run(sys.executable, "workflow/scripts/save.py", name, "--drawn")
    assert other.returncode == 1
    assert "threat was another one than in params.yaml" in other.stderr
    assert tree.contents(study) == after


def test_about_says_what_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "workflow" / "scripts"))
    import save

    def record(job: str, started: str, **facts: object) -> dict[str, object]:
        return {
            "job": job, "started": started, "wall_seconds": 60, "cpu_seconds": 60, "peak_memory_mib": 1,
            "code": {"revision": "abc"}, "versions": {"torch": "2"},
            "machine": {"processor": "P", "cpu_count": 2}, **facts,
        }  # fmt: skip

    records = [
        record("download digits", "2026-01-01T00:00:00Z"),
        record("equalize a", "2026-01-03T23:59:30Z", resumed_at_epoch=0),
        record("attack a", "2026-01-03T12:00:00Z", resumed=False),
        record("figures", "2026-02-01T00:00:00Z"),
    ]
    text = save.about(records, "s")
    assert "- from 2026-01-03 12:00 to 2026-01-04 00:00 UTC, 720 minutes" in text
    assert "- processor time of all jobs: 4 minutes" in text
    assert "- interrupted and resumed jobs: 1; only their last part is counted" in text


@pytest.mark.parametrize("study", STUDIES)
def test_saved_studies_are_whole(study: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is saved is of today's parameters, and about.md is what the records say."""
    monkeypatch.syspath_prepend(str(ROOT / "workflow" / "scripts"))
    import save

    monkeypatch.chdir(ROOT)
    assert SavedStudy(load_params(study=study)).job("figures")
    records = read_records(REFERENCE / study)
    assert (REFERENCE / study / ABOUT).read_text() == save.about(list(records.values()), study)


def test_saved_results_are_studies_and_known_measurements() -> None:
    """No folder of another name, and no stray or hidden file."""
    assert {path.name for path in REFERENCE.iterdir()} == {*STUDIES, *MEASUREMENTS}
    assert set(STUDIES) <= read_file(ROOT / "params.yaml").studies.keys()
    files = {path for folder in MEASUREMENTS for path in (REFERENCE / folder).rglob("*")}
    assert {path.name for path in files if path.suffix != ".csv"} == {"about.md"}
    assert not list(REFERENCE.rglob(".*"))


def test_the_page_finds_its_files() -> None:
    """docs/reproduce_a_table.md names figures and tables that are there."""
    assert {command[-1] for command in commands(PAGE)} <= set(STUDIES)
    page = (ROOT / "docs" / PAGE).read_text()
    manifests = REFERENCE.glob("*/figures/manifest.json")
    drawn = {name for file in manifests for name in json.loads(file.read_text())["files"]}
    named = set(re.findall(r"`figures/(\w+_)\*`", page))
    assert len(named) >= 10
    for name in named:
        assert any(file.startswith(name) for file in drawn), name
    tables = "".join(file.read_text() for file in REFERENCE.glob("*/tables/main.md"))
    titles = re.findall(r'"([a-z ]+)"', page)
    assert len(titles) >= 6
    for title in titles:
        assert f": {title}" in tables, title


def test_a_study_that_is_not_saved_is_named(tree: Tree) -> None:
    done = tree.run("taet", "redraw")
    assert done.returncode == 1
    assert done.stderr.startswith("taet redraw: no results of study 'tiny' are saved")


@pytest.mark.parametrize("study", STUDIES)
def test_a_page_says_what_a_saved_study_found(study: str) -> None:
    """With its tables, or a link to them."""
    docs = ROOT / "docs"
    text = "".join(page.read_text() for page in [*docs.glob("*.md"), *docs.glob("*.md.in")])
    assert f"results/reference/{study}/tables/main.md" in text or f'results_of("{study}")' in text

"""The report: whole, offline, safe with any name, and, in a real browser, sortable and readable."""

import html
import json
import re
import shutil
import xml.etree.ElementTree
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from taet.report.page import BEND, BOX, _graph, stages_picture
from taet.study.params.load import load_params
from taet.study.plan.stages import STAGES
from taet.study.plan.study import Study
from tests.conftest import ROOT, Tree

REPORT = "results/tiny/report.html"
CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
NASTY = "<script>document.title='hacked'</script>&\"'"


@pytest.mark.study
def test_everything_is_in_it(finished: Tree) -> None:
    page = (finished.path / REPORT).read_text()
    text = html.unescape(re.sub(r"<[^>]+>", " ", page))
    main = (finished.path / "results/tiny/tables/main.md").read_text()
    titles = re.findall(r"^## (.*)$", main, re.MULTILINE)
    assert len(titles) >= 4
    assert all(title in text for title in titles)
    numbers = set(re.findall(r"\d+\.\d ± \d+\.\d|\d+\.\d \[", main))
    assert all(number in text for number in numbers)
    figures = {f.stem for f in (finished.path / "results/tiny/figures").glob("*.svg")}
    assert page.count("data:image/svg+xml;base64,") == len(figures)
    alternatives = re.findall(r'<img [^>]*alt="([^"]*)"', page)
    assert len(set(alternatives)) == len(figures)
    assert all(text.startswith("Digits, IR 10, small CNN: ") for text in alternatives)
    assert all(f"{name}.svg</code></figcaption>" in page for name in figures)
    rows = dict(re.findall(r'<tr id="(job-.*?)">(.*)', page))
    records = list((finished.path / "results/tiny").rglob("*.record.json"))
    for record in (json.loads(file.read_text()) for file in records):
        row = rows["job-" + record["job"].replace(" ", "-")]
        revision = record["code"]["revision"] or "unknown"
        assert all(fact in row for fact in (record["key"], revision, record["started"]))
        leads_to = "".join(rows.get(anchor, "") for anchor in re.findall(r'href="#(.*?)"', row))
        if record["job"] not in ("score", "inspect"):  # which read all of a stage
            assert all(read["key"] in leads_to for read in record["inputs"].values())
    assert "methods.taet.alpha" in text
    ids = re.findall(r' id="(.*?)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#(.*?)"', page)) <= set(ids)
    assert not re.search(r"(src|href)=.(https?:)?//", page), "nothing comes from elsewhere"


@pytest.mark.study
def test_it_is_made_again_when_what_it_shows_changes(finished_copy: Tree) -> None:
    page = finished_copy.path / REPORT
    before = page.read_text()
    left = page.with_name(".report.html.abc123.part")  # by a killed process
    left.mkdir()
    assert "Nothing to be done" in finished_copy.ok("snakemake", "-n", "all")
    finished_copy.edit("params.yaml", "label: TAET,", 'label: "TAET <script>alert(1)</script>",')
    said = finished_copy.ok("snakemake", "--cores", "2", "all")
    assert f"Results: {REPORT} (open it in a browser)" in said
    assert not left.exists()
    after = page.read_text()
    assert after != before
    assert "TAET &lt;script&gt;alert(1)" in after
    assert "<script>alert" not in after
    page.unlink()
    assert "report" in finished_copy.ok("snakemake", "-n", "all")


@pytest.mark.study
def test_without_records_and_without_tables(finished_copy: Tree) -> None:
    for record in finished_copy.path.rglob("*.record.json"):
        record.unlink()
    assert "wrote" in finished_copy.ok("taet", "report")
    assert "There are no records" in (finished_copy.path / REPORT).read_text()
    (finished_copy.path / REPORT).unlink()
    (finished_copy.path / "results/tiny/tables/main.md").unlink()
    refused = finished_copy.run("taet", "report")
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert "main.md" in refused.stderr
    assert not (finished_copy.path / REPORT).exists()


def meets(arrow: dict[str, float], box: dict[str, float]) -> bool:
    """Whether an arrow, a cubic Bézier curve, runs through a box; the corners of boxes are round."""
    (width, height), corner = BOX, 2
    control = np.array(
        [
            (arrow["x1"], arrow["y1"]),
            (arrow["x1"] + BEND, arrow["bend1"]),
            (arrow["x2"] - BEND, arrow["bend2"]),
            (arrow["x2"], arrow["y2"]),
        ]
    )
    t = np.linspace(0, 1, 500)
    weights = np.array([(1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t**2, t**3])
    x, y = control.T @ weights - np.array([[box["x"]], [box["y"]]])
    inside = (x > corner) & (x < width - corner) & (y > 0) & (y < height)
    return bool(inside.any())


def test_picture_of_the_stages() -> None:
    """Of every study: each stage stands to the right of all that it waits for."""
    for name in ("digits", "digits_ablation", "digits_precision", "cifar10_small"):
        study = Study(load_params(ROOT / "params.yaml", name))
        drawn = _graph(study)
        boxes = {box["name"]: box for box in drawn["boxes"]}
        assert set(boxes) == {stage for stage in STAGES if study.jobs(stage)}
        assert len({(box["x"], box["y"]) for box in boxes.values()}) == len(boxes)
        assert all(arrow["x1"] < arrow["x2"] for arrow in drawn["arrows"])
        passed = [box for arrow in drawn["arrows"] for box in boxes.values() if meets(arrow, box)]
        assert not passed, name
        assert len(drawn["arrows"]) >= len(boxes) - 1


def test_the_guide_shows_the_stages_as_they_are() -> None:
    study = Study(load_params(ROOT / "params.yaml"))
    picture = stages_picture(study)
    assert (ROOT / "docs/images/stages.svg").read_text() == picture, (
        "run: python workflow/scripts/stages.py"
    )
    assert "docs/images/stages.svg" in (ROOT / "CONTRIBUTING.md").read_text()
    named = re.findall(r"<text [^>]*>(\w+)</text>", picture)
    assert named == [stage for stage in STAGES if study.jobs(stage)]
    assert xml.etree.ElementTree.fromstring(picture).tag == "{http://www.w3.org/2000/svg}svg"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="no playwright: pip install -e '.[browser]'"
    )
    if CHROMIUM is None:
        pytest.skip("no Chromium: apt-get install chromium")
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def shown(browser: Any, finished: Tree) -> Iterator[tuple[Any, list[str]]]:
    """The page, from its file and without a network, and what the browser complains of."""
    context = browser.new_context(offline=True, viewport={"width": 1280, "height": 900})
    page, said = context.new_page(), []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on(
        "request",
        lambda r: said.append(r.url) if not r.url.startswith(("file:", "data:")) else None,
    )
    page.goto((finished.path / REPORT).as_uri())
    yield page, said
    context.close()


def column(page: Any, number: int) -> list[str]:
    return page.locator(
        f"#tables table >> nth=0 >> tbody tr > :nth-child({number})"
    ).all_inner_texts()


@pytest.mark.browser
def test_tables_are_sorted_by_a_click(shown: tuple[Any, list[str]]) -> None:
    page, said = shown

    def values() -> list[float]:
        return [float(text.split()[0]) for text in column(page, 4)]

    before, names = values(), column(page, 1)
    title = page.locator("#tables table >> nth=0 >> thead button >> nth=3")
    title.click()
    assert values() == sorted(before, reverse=True)
    title.click()
    assert values() == sorted(before)
    assert page.locator("#tables th[aria-sort=ascending]").count() == 1
    title = page.locator("#tables table >> nth=0 >> thead button >> nth=0")
    title.click()
    assert column(page, 1) == sorted(names)
    assert (
        page.locator("#tables th[aria-sort=ascending] >> nth=0").inner_text().startswith("Method")
    )
    title.click()
    assert column(page, 1) == sorted(names, reverse=True)
    assert said == []


@pytest.mark.browser
@pytest.mark.parametrize("title", ["key", "begun"])
def test_keys_and_times_are_no_numbers(title: str, shown: tuple[Any, list[str]]) -> None:
    """A key may begin with digits, and every time begins with its year."""
    page, _ = shown
    page.locator("#made-equalize summary").click()
    button = page.locator("#made-equalize thead button", has_text=title)
    number = button.evaluate("button => button.closest('th').cellIndex + 1")
    cells = page.locator(f"#made-equalize tbody td:nth-child({number})")
    before = cells.all_inner_texts()
    button.click()
    assert cells.all_inner_texts() == sorted(before)
    button.click()
    assert cells.all_inner_texts() == sorted(before, reverse=True)
    assert len(set(before)) > 1


@pytest.mark.browser
def test_numbers_gaps_and_words_in_one_column(shown: tuple[Any, list[str]]) -> None:
    page, _ = shown
    texts = ["-", "9.5 ± 1", "> 100", "10.0 ± 2", "none", "-3", "1e-3"]
    page.evaluate(
        "texts => document.querySelector('#tables tbody').replaceChildren(...texts.map(text => {"
        "const row = document.createElement('tr'); row.insertCell().textContent = text; return row; }))",
        texts,
    )
    title = page.locator("#tables table >> nth=0 >> thead button >> nth=0")
    title.click()
    assert column(page, 1) == ["> 100", "10.0 ± 2", "9.5 ± 1", "1e-3", "-3", "-", "none"]
    title.click()
    assert column(page, 1) == ["-3", "1e-3", "9.5 ± 1", "10.0 ± 2", "> 100", "-", "none"]


@pytest.mark.browser
def test_pictures_links_and_widths(shown: tuple[Any, list[str]]) -> None:
    page, said = shown
    loaded = page.evaluate("[...document.images].map(i => i.complete && i.naturalWidth > 100)")
    assert loaded
    assert all(loaded)
    page.evaluate("document.querySelectorAll('details').forEach(list => list.open = true)")
    for width in (1280, 768, 390):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate("document.querySelectorAll('details').forEach(list => list.open = false)")
    link = page.locator("#tables tbody a >> nth=0")
    target = link.get_attribute("href")
    assert not page.locator(target).is_visible()
    link.click()
    page.wait_for_timeout(200)
    assert page.locator(target).is_visible()
    assert page.locator(target).inner_text().startswith("attack digits ir10 small_cnn")
    page.locator(target).get_by_role("link", name="equalize").click()
    assert "#job-equalize-digits-ir10-small_cnn-" in page.url
    assert page.locator(page.evaluate("location.hash")).is_visible()
    assert said == []


@pytest.mark.browser
def test_no_name_is_run(browser: Any, finished_copy: Tree) -> None:
    finished_copy.edit("params.yaml", "label: TAET,", f"label: {json.dumps(NASTY)},")
    finished_copy.ok("snakemake", "--cores", "2", "report")
    page = browser.new_page()
    page.goto((finished_copy.path / REPORT).as_uri())
    assert page.title() == "Study tiny"
    assert NASTY in column(page, 1)

"""The report: whole, offline, safe with any name, and, in a real browser, sortable and readable."""

import html
import json
import re
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from taet import grid, params, report
from taet.jobs import STAGES
from tests.conftest import ROOT, Tree

REPORT = "results/tiny/report.html"
CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
NASTY = "<script>document.title='hacked'</script>&\"'"


@pytest.mark.e2e
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
    assert all(f'alt="{name.replace("_", " ")}"' in page for name in figures)
    records = list((finished.path / "results/tiny").rglob("*.record.json"))
    for record in (json.loads(file.read_text()) for file in records):
        assert record["job"] in text
        assert record["key"] in text
    assert "methods.taet.alpha" in text
    assert not re.search(r"(src|href)=.(https?:)?//", page), "nothing comes from elsewhere"


@pytest.mark.e2e
def test_it_is_made_again_when_what_it_shows_changes(finished_copy: Tree) -> None:
    page = finished_copy.path / REPORT
    before = page.read_text()
    assert "Nothing to be done" in finished_copy.ok("snakemake", "-n", "all")
    finished_copy.edit("params.yaml", "label: TAET,", 'label: "TAET <script>alert(1)</script>",')
    finished_copy.ok("snakemake", "--cores", "2", "all")
    after = page.read_text()
    assert after != before
    assert "TAET &lt;script&gt;alert(1)" in after
    assert "<script>alert" not in after
    page.unlink()
    assert "report" in finished_copy.ok("snakemake", "-n", "all")


@pytest.mark.e2e
def test_without_records_and_without_tables(finished_copy: Tree) -> None:
    for record in finished_copy.path.rglob("*.record.json"):
        record.unlink()
    assert "wrote" in finished_copy.ok("taet", "report")
    assert "no records" in (finished_copy.path / REPORT).read_text()
    (finished_copy.path / REPORT).unlink()
    (finished_copy.path / "results/tiny/tables/main.md").unlink()
    refused = finished_copy.run("taet", "report")
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert "main.md" in refused.stderr
    assert not (finished_copy.path / REPORT).exists()


def test_picture_of_the_stages() -> None:
    """Of every study: each stage stands to the right of all that it waits for."""
    for name in ("digits", "digits_ablation", "digits_precision", "cifar10_small"):
        study = grid.Study(params.load(ROOT / "params.yaml", name))
        drawn = report._graph(study)
        boxes = {box["name"]: box for box in drawn["boxes"]}
        assert set(boxes) == {stage for stage in STAGES if study.jobs(stage)}
        assert len({(box["x"], box["y"]) for box in boxes.values()}) == len(boxes)
        assert all(arrow["x1"] < arrow["x2"] for arrow in drawn["arrows"])
        assert len(drawn["arrows"]) >= len(boxes) - 1


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


@pytest.mark.e2e
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
    page.locator("#tables table >> nth=0 >> thead button >> nth=0").click()
    assert sorted(column(page, 1)) == sorted(names)
    assert said == []


@pytest.mark.e2e
@pytest.mark.browser
def test_pictures_links_and_widths(shown: tuple[Any, list[str]]) -> None:
    page, said = shown
    loaded = page.evaluate("[...document.images].map(i => i.complete && i.naturalWidth > 100)")
    assert loaded
    assert all(loaded)
    for width in (1280, 768, 390):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    link = page.locator("#tables tbody a >> nth=0")
    target = link.get_attribute("href")
    assert not page.locator(target).is_visible()
    link.click()
    page.wait_for_timeout(200)
    assert page.locator(target).is_visible()
    assert page.locator(target).inner_text().startswith("equalize digits ir10 small_cnn")
    assert said == []


@pytest.mark.e2e
@pytest.mark.browser
def test_no_name_is_run(browser: Any, finished_copy: Tree) -> None:
    finished_copy.edit("params.yaml", "label: TAET,", f"label: {json.dumps(NASTY)},")
    finished_copy.ok("snakemake", "--cores", "2", "report")
    page = browser.new_page()
    page.goto((finished_copy.path / REPORT).as_uri())
    assert page.title() == "Study tiny"
    assert NASTY in column(page, 1)

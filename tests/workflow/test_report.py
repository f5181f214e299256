"""The report: whole, offline, safe with any name, and, in a real browser, usable at every width."""

import csv
import html
import itertools
import json
import lzma
import re
import shutil
import xml.etree.ElementTree
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from taet.report.page import stages_diagram
from taet.report.stages_graph import BEND, BOX, stages_graph
from taet.study.params.load import load_params
from taet.study.plan.stages import STAGES
from taet.study.plan.study import Study
from tests.conftest import ROOT, Tree, copy_project

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
    notes = re.findall(r'<li id="note-\d+">(.*?)</li>', page)
    assert len(set(notes)) == len(notes) >= 10, "each once"
    assert all(html.unescape(note) in main.replace("\\", "") for note in notes)
    assert len(page.encode()) < 5_000_000
    numbers = set(re.findall(r"\d+\.\d ± \d+\.\d|\d+\.\d \[", main))
    assert all(number in text for number in numbers)
    figures = {f.stem for f in (finished.path / "results/tiny/figures").glob("*.svg")}
    assert page.count('<img src="data:image/svg+xml,') == len(figures)
    alternatives = re.findall(r'<img [^>]*alt="([^"]*)"', page)
    assert len(set(alternatives)) == len(figures)
    assert all(text.startswith("Digits, IR 10, small CNN: ") for text in alternatives)
    linked = set(re.findall(r'<a href="([^#"]+)">', page))
    assert all(f"figures/{name}.svg" in linked for name in figures)
    assert all((finished.path / "results/tiny" / file).exists() for file in linked)
    assert "attack/digits/ir10/small_cnn/taet/seed0/last/gradient.safetensors" in linked
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
    markup = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert set(re.findall(r'href="#(.*?)"', markup)) <= set(ids)
    assert not re.search(r"(src|href)=.(https?:)?//", markup), "nothing comes from elsewhere"


@pytest.mark.study
def test_the_same_results_give_the_same_bytes(finished_copy: Tree) -> None:
    page = finished_copy.path / REPORT
    before = page.read_bytes()
    finished_copy.ok("taet", "report")
    assert page.read_bytes() == before


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


def test_diagram_of_the_stages() -> None:
    """Of every study: each stage stands to the right of all that it waits for."""
    for name in ("digits", "digits_ablation", "digits_precision", "cifar10_small"):
        study = Study(load_params(ROOT / "params.yaml", name))
        drawn = stages_graph(study)
        boxes = {box["name"]: box for box in drawn["boxes"]}
        assert set(boxes) == {stage for stage in STAGES if study.jobs(stage)}
        assert len({(box["x"], box["y"]) for box in boxes.values()}) == len(boxes)
        assert all(arrow["x1"] < arrow["x2"] for arrow in drawn["arrows"])
        passed = [box for arrow in drawn["arrows"] for box in boxes.values() if meets(arrow, box)]
        assert not passed, name
        assert len(drawn["arrows"]) >= len(boxes) - 1


def test_the_guide_shows_the_stages_as_they_are() -> None:
    study = Study(load_params(ROOT / "params.yaml"))
    diagram = stages_diagram(study)
    assert (ROOT / "docs/images/stages.svg").read_text() == diagram, (
        "run: python workflow/scripts/stages.py"
    )
    assert "docs/images/stages.svg" in (ROOT / "CONTRIBUTING.md").read_text()
    named = re.findall(r"<text [^>]*>(\w+)</text>", diagram)
    assert named == [stage for stage in STAGES if study.jobs(stage)]
    assert xml.etree.ElementTree.fromstring(diagram).tag == "{http://www.w3.org/2000/svg}svg"


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
def opened(browser: Any, finished: Tree) -> Iterator[Any]:
    """Opens the page, from its file and without a network; the browser must complain of nothing."""
    contexts, said = [], []

    def open_page(width: int = 1440, file: Path | None = None, **options: Any) -> Any:
        contexts.append(
            browser.new_context(offline=True, viewport={"width": width, "height": 900}, **options)
        )
        page = contexts[-1].new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on(
            "request",
            lambda r: said.append(r.url) if not r.url.startswith(("file:", "data:")) else None,
        )
        page.goto((file or finished.path / REPORT).as_uri())
        return page

    open_page.said = said
    yield open_page
    for context in contexts:
        context.close()
    assert said == []


def static_tables(page: Any) -> Any:
    """The first of the tables that are there without JavaScript too."""
    page.evaluate("for (const list of document.querySelectorAll('details')) list.open = true")
    return page.locator("#table details table").first


def column(table: Any, number: int) -> list[str]:
    return table.locator(f"tbody tr > :nth-child({number})").all_inner_texts()


def draw_all(page: Any) -> None:
    """Charts are drawn when they come into view."""
    for chart in page.locator(".setting.chosen .view").all():
        chart.scroll_into_view_if_needed()
        chart.locator("svg").wait_for()


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_nothing_is_wider_than_the_window_or_hard_to_read(
    width: int, scheme: str, opened: Any
) -> None:
    page = opened(width, color_scheme=scheme)
    draw_all(page)
    static_tables(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(CONTRASTS) == []
    ink = page.evaluate("getComputedStyle(document.body).color")
    text = page.locator("#figures .setting.chosen .view svg text").first
    assert text.evaluate("text => getComputedStyle(text).fill") == ink
    bar = page.locator(".bar").bounding_box()
    assert bar["y"] == pytest.approx(0, abs=1), "it stays"
    assert bar["height"] < 100


CONTRASTS = """() => {
  const light = (color) => {
    const [r, g, b] = color.match(/[\\d.]+/g).map((c) => (c /= 255, c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (e) => { for (; e; e = e.parentElement) {
    const color = getComputedStyle(e).backgroundColor;
    if (color !== "rgba(0, 0, 0, 0)") return color;
  } };
  const poor = [];
  for (const e of document.querySelectorAll("body :is(p, li, a, th, td, small, button, summary, figcaption, label, select, h1, h2, h3, h4, code)")) {
    if (!e.checkVisibility() || e.closest("svg") || e.disabled) continue;
    const [a, b] = [light(getComputedStyle(e).color), light(behind(e))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) poor.push(e.outerHTML.slice(0, 200));
  }
  return poor;
}"""


@pytest.mark.browser
def test_without_javascript_there_are_tables_and_figures(opened: Any, finished: Tree) -> None:
    page = opened(java_script_enabled=False)
    main = (finished.path / "results/tiny/tables/main.md").read_text()
    tables = page.locator("#table details table")
    assert tables.count() == len(re.findall(r"^## ", main, re.MULTILINE))
    assert all(table.is_visible() for table in tables.all())
    figures = page.locator("figure img")
    assert figures.count() == len(list((finished.path / "results/tiny/figures").glob("*.svg")))
    assert all(figure.is_visible() for figure in figures.all())
    assert not any(part.is_visible() for part in page.locator("select, input, .view, dialog").all())
    assert page.locator(".ranking").is_visible()
    assert page.locator(".result li").count() >= 2


def copied(page: Any, form: str) -> str:
    page.locator(f"[data-copy={form}]").click()
    return page.locator("#copied").input_value()


@pytest.mark.browser
def test_the_table_shows_the_numbers_of_the_tables(opened: Any, finished: Tree) -> None:
    """Of the attacks over all classes, and of groups of classes under one attack; copies have the same."""
    page = opened()
    main = (finished.path / "results/tiny/tables/main.md").read_text()
    rows = [re.sub(r"\*\*|</?u>", "", line) for line in main.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    first = dict(zip(("head", "---", "pgd_at", "taet_bcl", "taet"), cells, strict=False))
    by_csv = list(csv.reader(copied(page, "csv").splitlines()))
    assert [row[:-1] for row in by_csv[1:]] == [first[m] for m in ("pgd_at", "taet_bcl", "taet")]
    assert by_csv[0][1:-1] == [
        "Clean images",
        *(title.removeprefix("BR ") for title in first["head"][2:]),
    ]
    markdown = copied(page, "markdown").splitlines()
    assert len(markdown) == 5
    assert "| **" in markdown[2] + markdown[3] + markdown[4]
    assert copied(page, "latex").count(r" \\") == 4
    page.select_option("#columns", "scope")
    page.select_option("#methods select[name=attack]", "pgd20")
    titles, *by_scope = csv.reader(copied(page, "csv").splitlines())
    position = cells.index(next(c for c in cells if "BR PGD-20 tail" in c and "BA tail" in c))
    frequency = cells[position].index("BR PGD-20 tail")
    assert [row[titles.index("Tail classes")] for row in by_scope] == [
        row[frequency] for row in cells[position + 2 : position + 5]
    ]
    page.select_option("#methods select[name=test_set]", "long_tailed")
    assert copied(page, "csv") != "\n".join(",".join(row) for row in by_scope)
    assert "Long-tailed test set" in page.locator("#what").inner_text()


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the default study, drawn from its saved results."""
    tree = copy_project(tmp_path_factory.mktemp("digits") / "tree")
    saved = Path("results/reference/digits")
    shutil.copytree(ROOT / saved, tree.path / saved)
    tree.ok("taet", "redraw", "--study", "digits", timeout=900)
    return tree.path / "results/digits/redrawn"


@pytest.mark.browser
def test_any_number_of_the_default_study_can_be_selected(opened: Any, digits: Path) -> None:
    """As summary.csv has it; sentences, ranking and charts follow the ratio."""
    with lzma.open(ROOT / "results/reference/digits/score/summary.csv.xz", "rt") as file:
        rows = list(csv.DictReader(file))
    page = opened(file=digits / "report.html")
    assert (digits / "report.html").stat().st_size < 5_000_000
    for ratio, test_set, scope in itertools.product(
        ("10", "20"), ("balanced", "long_tailed"), ("all", "tail", "class 8")
    ):
        choice = {"imbalance_ratio": ratio, "test_set": test_set, "scope": scope}
        for name, value in choice.items():
            page.select_option(f"#methods select[name={name}]", value)
        expected: dict[str, list[str]] = {}
        for row in rows:
            part = scope if row["scope"] != "class" else f"class {row['class_index']}"
            if (row["scope"] == "class" and part != scope) or row["scope"] not in scope:
                continue
            if (row["imbalance_ratio"], row["test_set"]) == (ratio, test_set):
                mean = float(row["balanced_accuracy"])
                expected.setdefault(row["method"], []).append(f"{100 * mean:.1f}")
        _, *lines = csv.reader(copied(page, "csv").splitlines())
        shown = [[text.split()[0] for text in line[1:-1]] for line in lines]
        assert shown == list(expected.values()), choice
        assert len(shown) == 11
        (ranked,) = page.locator(".ranking:visible").all()
        assert ranked.locator("tbody tr").count() == 11
        title = page.locator("#result h2:visible").inner_text()
        assert title == f"Digits, IR {ratio}, small CNN"


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_the_default_study_is_usable(width: int, scheme: str, opened: Any, digits: Path) -> None:
    page = opened(width, file=digits / "report.html", color_scheme=scheme)
    page.select_option(".bar select[name=imbalance_ratio]", "20")
    draw_all(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(CONTRASTS) == []
    ranking = page.locator(".ranking:visible")
    right = ranking.bounding_box()["x"] + ranking.bounding_box()["width"]
    assert right <= width, "the ranking is whole"
    if width == 1440:
        assert (
            page.locator(".ranking:visible tbody tr").last.evaluate(
                "row => row.getBoundingClientRect().bottom + scrollY"
            )
            < 900
        )


@pytest.mark.browser
def test_boxes_hide_methods_in_the_table_and_in_charts(opened: Any) -> None:
    page = opened()
    marks = (
        page.locator("#figures .setting.chosen .view")
        .nth(0)
        .locator("[aria-roledescription=point]")
    )
    draw_all(page)
    assert marks.count() == page.locator("#numbers tbody tr").count() == 3
    page.locator("#figures figure .methods input[value=pgd_at]").first.uncheck()
    assert page.locator("#numbers tbody th").all_inner_texts() == ["TAET (BCL only)", "TAET"]
    assert not page.locator("#methods input[value=pgd_at]").is_checked()
    page.wait_for_function(
        "n => document.querySelector('#figures .view').querySelectorAll('[aria-roledescription=point]').length === n",
        arg=2,
    )
    page.locator("#methods button[value=none]").click()
    assert page.locator("#numbers tbody tr").count() == 0
    page.locator("#methods button[value=all]").click()
    assert page.locator("#numbers tbody tr").count() == 3


@pytest.mark.browser
def test_values_where_one_points(opened: Any) -> None:
    page = opened()
    draw_all(page)
    mark = page.locator("#figures .setting.chosen [aria-roledescription=point]").first
    mark.hover(force=True)
    page.locator("#vg-tooltip-element.visible").wait_for()
    assert re.search(
        r"Method\s+\S+.*\[", page.locator("#vg-tooltip-element").inner_text(), re.DOTALL
    )


@pytest.mark.browser
def test_the_origin_of_a_number_by_keyboard(opened: Any, finished: Tree) -> None:
    page = opened()
    hint, dialog = page.locator("#hint"), page.locator("#origin")
    number = page.locator("#numbers tbody tr").last.locator(".number").last
    number.focus()
    assert "(seed 0)" in hint.inner_text()
    assert number.get_attribute("aria-describedby") == "hint"
    page.keyboard.press("Escape")
    assert not hint.is_visible()
    page.keyboard.press("Enter")
    assert dialog.is_visible()
    assert dialog.locator("h2").inner_text().startswith("TAET: ")
    row = dialog.locator("tbody tr").first
    file = row.locator("a[href$=safetensors]").get_attribute("href")
    key = json.loads(
        (finished.path / "results/tiny" / file).with_suffix(".record.json").read_text()
    )["key"]
    assert key in row.inner_text()
    row.locator("a[href^='#job-attack']").focus()
    page.keyboard.press("Enter")
    assert not dialog.is_visible()
    target = page.locator(page.evaluate("location.hash"))
    assert target.is_visible()
    assert target.inner_text().startswith("attack digits ir10 small_cnn taet seed0")
    target.get_by_role("link", name="equalize").click()
    assert page.locator(page.evaluate("location.hash")).is_visible()
    ranked = page.locator(".ranking .number").first
    ranked.press("Enter")
    assert ranked.inner_text().split()[0] in dialog.locator("h2").inner_text()


@pytest.mark.browser
def test_a_chart_that_fails_leaves_its_figure(opened: Any, finished: Tree, tmp_path: Path) -> None:
    broken = tmp_path / "report.html"
    text = (finished.path / REPORT).read_text()
    broken.write_text(text.replace("await vegaEmbed(", "await noSuchName(", 1))
    page = opened(file=broken)
    page.locator("#figures figure.chartless img").first.wait_for()
    assert "noSuchName" in opened.said[0]
    opened.said.clear()


@pytest.mark.browser
def test_tables_are_sorted_by_a_click(opened: Any) -> None:
    page = opened()
    for table in (page.locator("#numbers"), static_tables(page)):

        def values(table: Any = table) -> list[float]:
            return [float(text.split()[0].rstrip("!")) for text in column(table, 4)]

        before, names = values(), column(table, 1)
        title = table.locator("thead button").nth(3)
        title.click()
        assert values() == sorted(before, reverse=True)
        title.click()
        assert values() == sorted(before)
        assert table.locator("th[aria-sort=ascending]").count() == 1
        title = table.locator("thead button").first
        title.click()
        assert column(table, 1) == sorted(names)
        assert table.locator("th[aria-sort=ascending]").inner_text().startswith("Method")
        title.click()
        assert column(table, 1) == sorted(names, reverse=True)


@pytest.mark.browser
@pytest.mark.parametrize("title", ["key", "begun"])
def test_keys_and_times_are_no_numbers(title: str, opened: Any) -> None:
    """A key may begin with digits, and every time begins with its year."""
    page = opened()
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
def test_numbers_gaps_and_words_in_one_column(opened: Any) -> None:
    page = opened()
    table = static_tables(page)
    texts = ["-", "9.5 ± 1", "> 100", "10.0 ± 2", "none", "-3", "1e-3"]
    page.evaluate(
        "texts => document.querySelector('#table details tbody').replaceChildren(...texts.map(text => {"
        "const row = document.createElement('tr'); row.insertCell().textContent = text; return row; }))",
        texts,
    )
    title = table.locator("thead button").first
    title.click()
    assert column(table, 1) == ["> 100", "10.0 ± 2", "9.5 ± 1", "1e-3", "-3", "-", "none"]
    title.click()
    assert column(table, 1) == ["-3", "1e-3", "9.5 ± 1", "10.0 ± 2", "> 100", "-", "none"]


@pytest.mark.browser
def test_no_name_is_run(opened: Any, finished_copy: Tree) -> None:
    finished_copy.edit("params.yaml", "label: TAET,", f"label: {json.dumps(NASTY)},")
    finished_copy.ok("snakemake", "--cores", "2", "report")
    page = opened(file=finished_copy.path / REPORT)
    draw_all(page)
    assert page.title() == "Study tiny"
    assert NASTY in column(static_tables(page), 1)
    assert NASTY in page.locator("#numbers tbody th").all_inner_texts()

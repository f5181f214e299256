"""The leaderboard: which rows come first, which have a rank, and its three files."""

import csv
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from taet.claims import claim as files
from taet.claims.images import ImageLists
from taet.claims.leaderboard import HEAD, ranks, read_claims, write
from taet.claims.rows import Row, Share, by_setting
from taet.claims.saved import saved_rows
from taet.collapse import COLLAPSED
from taet.errors import UserError
from taet.scores.summary import read_rows
from tests.conftest import ROOT
from tests.unit.claims import made

ROW = Row(
    dataset="Digits", imbalance_ratio=10.0, eps=0.1, name="a", network="small CNN", source="claim", file="a.json",
    protocol="balanced_robustness 1", attacks=("FGSM",), complete=True, images=500, seeds=1,
    robustness=Share(0.5, 0.4, 0.6), clean=Share(0.8, 0.7, 0.9), tail=Share(), long_tailed=None,
    passes=None, warnings=(),
)  # fmt: skip


def row(name: str, robustness: float, **changes: Any) -> Row:
    return replace(ROW, name=name, robustness=Share(robustness, 0.0, 1.0), **changes)


def test_the_most_robust_comes_first() -> None:
    rows = [
        row("low", 0.2),
        row("bound", 0.6, complete=False),
        row("high", 0.5),
        row("one class", 0.9, warnings=(COLLAPSED,)),
        row("other", 0.9, imbalance_ratio=2.0),
        row("natural", 0.1, imbalance_ratio="natural"),
        row("another", 0.1, dataset="CIFAR-10", eps=8 / 255),
    ]
    groups = by_setting(rows)
    assert list(groups) == [
        "CIFAR-10, IR 10, L-inf eps 8/255",
        "Digits, IR natural, L-inf eps 0.1",
        "Digits, IR 2, L-inf eps 0.1",
        "Digits, IR 10, L-inf eps 0.1",
    ]
    shown = groups["Digits, IR 10, L-inf eps 0.1"]
    assert [r.name for r in shown] == ["bound", "high", "low", "one class"]
    assert ranks(shown) == [None, 1, 2, None]


@pytest.fixture(scope="module")
def board(lists: ImageLists, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A folder with two claims and three that are left out, and its leaderboard, without saved studies."""
    folder = tmp_path_factory.mktemp("board")
    claims = folder / "claims"
    files.write(claims / "weak.json", made.contents(lists, robust=0.3, name="weak"))
    files.write(claims / "strong.json", made.contents(lists, robust=0.9, name="strong <b> & co"))
    twice = made.contents(lists, robust=0.9, name="weak")
    files.write(claims / "weak_again.json", {**twice, "name": "strongest"})
    files.write(
        claims / "weak_at_20.json", made.contents(lists, robust=0.3, name="weak", ratio=20.0)
    )
    broken = made.contents(lists)
    broken["numbers"]["balanced"]["worst"]["accuracy"]["value"] += 0.1
    made.store(claims / "broken.json", broken)
    (claims / "cut.json").write_bytes((claims / "weak.json").read_bytes()[:999])
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        _, problems = write(Path("claims"), Path("out"), lists, ROOT / "params.yaml")
    return folder / "out", problems


def test_broken_claims_are_named_and_left_out(board: tuple[Path, list[str]]) -> None:
    out, problems = board
    assert [line.split(": ")[0] for line in problems] == [
        "claims/broken.json", "claims/cut.json", "claims/weak_again.json",
    ]  # fmt: skip
    assert "weights: the same network as in weak.json" in problems[2]
    assert all(line.endswith("; left out") and "\n" not in line for line in problems)
    page = (out / "leaderboard.html").read_text()
    assert "broken.json: numbers.balanced.worst.accuracy.value" in page
    assert {file.name for file in out.iterdir()} == {
        f"leaderboard.{s}" for s in ("md", "csv", "html")
    }


def test_markdown(board: tuple[Path, list[str]]) -> None:
    text = (board[0] / "leaderboard.md").read_text()
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    assert [cell.strip() for cell in lines[0].strip("|").split("|")] == list(HEAD)
    names = [line.split(" | ")[0] for line in lines[2:]]
    assert names == ["| strong &lt;b> & co", "| weak", "| Model", "| ---", "| weak"]
    assert re.search(r"\| 1 \| \d\d\.\d \[\d\d\.\d, \d\d\.\d\] \|", lines[2])
    assert lines[2].split(" | ")[6:] == ["500", "616", "3 parameters", "all", "claim strong.json |"]


def test_csv(board: tuple[Path, list[str]], lists: ImageLists) -> None:
    with (board[0] / "leaderboard.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [(row["name"], row["imbalance_ratio"]) for row in rows] == [
        ("strong <b> & co", "10"), ("weak", "10"), ("weak", "20"),
    ]  # fmt: skip
    numbers = made.contents(lists, robust=0.9)["numbers"]
    worst = numbers["balanced"]["worst"]
    first = rows[0]
    assert first["rank"] == "1"
    for column, value in {
        "robustness": worst["balanced_accuracy"]["value"],
        "robustness_low": worst["balanced_accuracy"]["low"],
        "robustness_high": worst["balanced_accuracy"]["high"],
        "clean": numbers["balanced"]["clean"]["balanced_accuracy"]["value"],
        "tail": worst["tail"]["value"],
        "long_tailed": numbers["long_tailed"]["worst"]["accuracy"]["value"],
    }.items():
        assert float(first[column]) == pytest.approx(value, abs=1e-9)
    assert (first["images"], first["seeds"], first["passes"]) == ("500", "1", "616.000000")
    assert (first["imbalance_ratio"], first["eps"]) == ("10", "0.100000")


class Tables(HTMLParser):
    """Texts of cells, and what the page loads."""

    def __init__(self) -> None:
        super().__init__()
        self.cells: list[str] = []
        self.loaded: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        values = dict(attrs)
        if tag in ("td", "th"):
            self.cells.append("")
        self.loaded += [values[name] for name in ("src", "srcset", "data") if name in values]
        self.loaded += [values["href"]] if tag == "link" else []
        self.links += [values["href"]] if tag == "a" else []

    def handle_data(self, data: str) -> None:
        if self.cells:
            self.cells[-1] += data


def test_page_is_a_static_table_that_loads_nothing(board: tuple[Path, list[str]]) -> None:
    text = (board[0] / "leaderboard.html").read_text()
    page = Tables()
    page.feed(text)
    assert page.loaded == []
    assert "http" not in re.sub(r'<meta http-equiv="Content-Security-Policy"', "", text)
    cells = [cell.strip() for cell in page.cells]
    assert cells[: len(HEAD)] == list(HEAD)
    assert cells[len(HEAD)] == "strong <b> & co"
    assert page.links == [
        "../claims/strong.json",
        "../claims/weak.json",
        "../claims/weak_at_20.json",
    ]
    assert all((board[0] / link).is_file() for link in page.links)


def test_no_such_folder(lists: ImageLists, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such folder"):
        read_claims(tmp_path / "none", lists)


def test_saved_studies_are_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    rows = [row for row in saved_rows(Path("params.yaml")) if row.source == "study digits"]
    taet = {row.imbalance_ratio: row for row in rows if row.name == "TAET"}
    assert set(taet) == {10.0, 20.0}
    assert taet[10.0].setting == ROW.setting  # beside claims on the same images
    assert (taet[10.0].seeds, taet[10.0].images) == (3, 500)
    assert not taet[10.0].complete  # no AutoAttack
    assert taet[10.0].attacks == ("FGSM", "PGD-20", "PGD-100", "CW-Linf-20")
    assert taet[10.0].passes == 396
    summary = read_rows(ROOT / "results/reference/digits/score/summary.csv.xz")
    saved = summary[
        (summary["method"] == "taet")
        & (summary["imbalance_ratio"] == "10")
        & (summary["attack"] == "worst")
    ].set_index(["test_set", "scope"])
    all_balanced = saved.loc[("balanced", "all")]
    assert taet[10.0].robustness == tuple(
        all_balanced[["balanced_accuracy", "balanced_accuracy_low", "balanced_accuracy_high"]]
    )
    assert taet[10.0].tail.value == saved.loc[("balanced", "tail"), "balanced_accuracy"]
    assert taet[10.0].long_tailed == saved.loc[("long_tailed", "all"), "accuracy"]
    gpu = [row for row in saved_rows(Path("params.yaml")) if row.source == "study cifar10_gpu"]
    assert [(row.name, row.complete, row.seeds) for row in gpu] == [("TAET", True, 1)]


def test_claims_of_this_project_are_right(lists: ImageLists) -> None:
    """Those that are seeds of the leaderboard; each is of a saved network of the digits."""
    rows, problems = read_claims(ROOT / "results/claims", lists)
    assert problems == []
    assert len(rows) >= 1
    assert {row.dataset for row in rows} == {"Digits"}

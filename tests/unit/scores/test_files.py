"""What ``score`` wrote is shown as it was written: nothing is computed again."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from taet.errors import UserError
from taet.scores.csv_bytes import csv_bytes
from taet.scores.files import read_scored
from taet.stages import tables
from taet.study.store import artifacts
from tests.unit.report.test_tables import SHOWN, differences, metrics, summary

NAMES = ("summary", "differences", "metrics", "training", "confusion")


@pytest.fixture
def job(tmp_path: Path) -> Any:
    """A job that draws tables, with what ``score`` wrote: numbers that follow from no metrics."""
    (tmp_path / "score").mkdir()
    files = [tmp_path / "score" / f"{name}.csv" for name in NAMES]
    written = {
        "summary": summary().assign(balanced_accuracy=0.77, balanced_accuracy_sd=0.055),
        "differences": differences().assign(difference=0.123, low=0.1, high=0.1411),
        "metrics": metrics(),
    }
    for file in files:
        file.write_bytes(csv_bytes(written.get(file.stem, pd.DataFrame({"seed": [0]}))))
    artifacts.write_manifest(tmp_path / "score", "k", [file.name for file in files])
    score = SimpleNamespace(output=tmp_path / "score/manifest.json", key="k", files=files)
    drawn = tmp_path / "tables"
    names = ("main.md", "main.tex", "headline.json", "headline.csv")
    return SimpleNamespace(
        inputs={"score": score}, reads=SHOWN, study="s", key="t",
        output=drawn / "manifest.json", files=[drawn / name for name in names],
    )  # fmt: skip


def test_files_are_read_by_their_names(job: Any) -> None:
    scored = read_scored(job)
    assert set(scored.summary["balanced_accuracy"]) == {0.77}
    assert scored.differences["difference"].tolist() == [0.123]
    assert len(scored.metrics) == len(metrics())
    assert set(scored.metrics["scope"]) == {"all", "head", "tail", "worst_class", "class"}


def test_tables_show_the_numbers_in_the_files(job: Any) -> None:
    tables.run(job)
    text = (job.output.parent / "main.md").read_text()
    assert "77.0 ± 5.5" in text
    assert "\N{MINUS SIGN}12.3 [\N{MINUS SIGN}14.1, \N{MINUS SIGN}10.0]" in text
    assert '"BA": 77.0' in (job.output.parent / "headline.json").read_text()


def test_files_of_another_run_are_refused(job: Any) -> None:
    file = job.inputs["score"].output.with_name("differences.csv")
    file.write_bytes(file.read_bytes().replace(b"0.123", b"0.124"))
    with pytest.raises(UserError, match=r"differences\.csv"):
        read_scored(job)

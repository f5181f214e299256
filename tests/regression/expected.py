"""Writes ``headline.yaml``: what is saved in ``results/reference`` and in ``machines.csv``, and its headline numbers.

    python -m tests.regression.expected

Nothing is compared with the numbers there; they are for the eye. The digests tie files to what made them: numbers that are
saved anew, and bands that are edited, do not pass without a change of this file. Say why in CHANGELOG.md.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from taet.axes import METHOD_IN_SETTING
from taet.scores.summary import read_rows
from taet.study.plan.saved import saved_key
from tests.regression.comparison import BANDS, Scores

ROOT = Path(__file__).parents[2]
FILE = Path(__file__).with_name("headline.yaml")
REFERENCE = ROOT / "results/reference"
HEADLINE = {  # as headline.json names them
    "BA": ("clean", "all"),
    "BR_pgd20": ("pgd20", "all"),
    "BR_worst": ("worst", "all"),
    "tail_BR_pgd20": ("pgd20", "tail"),
}


def measure(reference: Path = REFERENCE, bands: Path = BANDS) -> dict[str, Any]:
    """What ``headline.yaml`` has to say now: means over all cells and seeds of a study, in per cent.

    Raises:
        UserError: a file is not that of its manifest.
    """
    studies = sorted(reference.glob("*/score"))
    return {
        bands.name: _digest(bands),
        **{score.parent.name: _study(score) for score in studies},
    }


def saved(study: str) -> Scores:
    """The scores of a saved study, which have to be those that ``headline.yaml`` knows."""
    score = REFERENCE / study / "score"
    if yaml.safe_load(FILE.read_text())[study] != _study(score):
        raise ValueError(f"{score}: saved anew, or edited; python -m tests.regression.expected")
    return Scores.read(score)


def by_cell(score: Path) -> pd.DataFrame:
    """Headline numbers of each cell, means over seeds, in per cent: from the metrics."""
    metrics = read_rows(score / "metrics.csv.xz")
    metrics = metrics[(metrics["test_set"] == "balanced") & (metrics["checkpoint"] == "last")]
    means = metrics.groupby([*METHOD_IN_SETTING, "attack", "scope"], sort=False)[
        "balanced_accuracy"
    ].mean()
    found = 100 * means.unstack(["attack", "scope"])[[*HEADLINE.values()]]
    return found.set_axis([*HEADLINE], axis=1)


def _study(score: Path) -> dict[str, Any]:
    manifest = score / "manifest.json"
    files = [score / name for name in json.loads(manifest.read_text())["files"]]
    key = saved_key(manifest, files)
    numbers = by_cell(score).mean().round(2).to_dict()
    return {"key": key, "manifest": _digest(manifest), **numbers}


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


if __name__ == "__main__":
    text = yaml.safe_dump(measure(), sort_keys=False)
    FILE.write_text(f"# Written by: python -m tests.regression.expected\n{text}")
    print(f"wrote {FILE}")

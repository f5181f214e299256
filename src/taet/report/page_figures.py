"""Figures on the page: the files as data of the page, and the charts that take their place."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import pandas as pd

from taet.axes import SETTING
from taet.report.charts import Chart, Charts, imbalance
from taet.report.tables.setting import SettingResults
from taet.report.titles import setting_title
from taet.study.params import plugins
from taet.study.plan.job import Job

IN_URI = " !$&()*+,-./:;<=>?@[]^_{|}~\"'"  # characters that the URI of an SVG file has as they are
# The most telling first; the others follow by name.
FIRST = ("forest", "ba_br", "efficiency", "per_class", "confusion", "features", "examples")
SCALE = 2.8  # pixels of the page for a point of a figure: as wide as the page
Figure = dict[str, Any]


class PageFigures:
    """Figures of a study, and charts of its settings.

    Args:
        job: that has drawn the figures.
        results: of all settings.
        training: training.csv.
    """

    def __init__(self, job: Job, results: Sequence[SettingResults], training: pd.DataFrame) -> None:
        self.job, self.figures = job, job.reads["figures"]
        self.charts = {
            setting.cell: Charts(setting, job.reads, of_setting(training, setting))
            for setting in results
        }

    def of_setting(self, setting: SettingResults) -> list[Figure]:
        """Those of one setting, with the curves of training; the forest plot has one chart for each scope."""
        figures = []
        for name, about in sorted(self.figures.items(), key=_rank):
            if tuple(about.get(axis) for axis in SETTING) == setting.cell:
                charts = self.charts[setting.cell].of_figure(about["figure"])
                figures.append(self._figure(name, about, charts))
        if not any(figure["kind"] == "learning" for figure in figures):  # nothing was validated
            charts = list(self.charts[setting.cell].learning())
            title = f"{setting.title}: training curves"
            figures.append({"kind": "learning", "title": title, "files": [], "charts": charts})
        return figures

    def of_several_ratios(self) -> Iterator[tuple[Mapping[str, str], Figure]]:
        """Figures over imbalance ratios, each with its data set and architecture."""
        for name, about in self.figures.items():
            if "ratios" in about:
                cell = {axis: about[axis] for axis in ("dataset", "architecture")}
                several = {
                    ratio: self.charts[about["dataset"], ratio, about["architecture"]]
                    for ratio in about["ratios"]
                }
                yield cell, self._figure(name, about, list(imbalance(several)))

    def _figure(self, name: str, about: Mapping[str, Any], charts: Sequence[Chart]) -> Figure:
        """What it shows is the first sentence of the module that draws it."""
        file = self.job.output.with_name(f"{name}.svg")
        svg = file.read_text(encoding="utf-8")
        svg = " ".join(svg[svg.index("<svg") :].split())
        (width,) = re.findall(r'^<svg [^>]*?width="([\d.]+)pt"', svg)
        ratio = about.get("imbalance_ratio", " and ".join(about.get("ratios", [])))
        setting = setting_title(
            self.job.reads["labels"], about["dataset"], ratio, about["architecture"]
        )
        return {
            "kind": about["figure"],
            "title": f"{setting}: {plugins.title('report.figures', about['figure'])}",
            "files": [f"{f.parent.name}/{f.name}" for f in self.job.files if f.stem == name],
            "source": f"data:image/svg+xml,{quote(svg, safe=IN_URI)}",
            "width": round(SCALE * float(width)),
            "charts": charts,
        }


def _rank(figure: tuple[str, Mapping[str, Any]]) -> tuple[int, str]:
    name, about = figure
    return FIRST.index(about["figure"]) if about["figure"] in FIRST else len(FIRST), name


def of_setting(rows: pd.DataFrame, setting: SettingResults) -> pd.DataFrame:
    """The rows of one setting."""
    return rows[(rows[list(SETTING)] == list(setting.cell)).all(axis=1)]

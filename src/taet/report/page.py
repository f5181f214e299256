"""The report: one page with everything of a study, and where each number comes from.

A page for people and no artifact: times, machines and revisions are in it, which differ between two runs
that make the same results. It opens from a file, without a network, and without JavaScript as static tables
and figures.
"""

import importlib.resources
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
import pandas as pd

from taet.axes import MODEL, SETTING
from taet.report import numbers, provenance, ranking
from taet.report.charts import Chart, Charts, imbalance, method_looks
from taet.report.stages_graph import stages_graph
from taet.report.tables import main_tables
from taet.report.tables.setting import SettingResults, settings
from taet.report.titles import setting_title
from taet.report.typeset import Table
from taet.scores import notes
from taet.scores.files import Scored, read_scored
from taet.scores.summary import read_rows, title_of_test_set
from taet.study.params import plugins
from taet.study.params.blocks import ir_label
from taet.study.params.overlay import listed, of_study, read_file
from taet.study.plan.page import page_key
from taet.study.plan.saved import SavedStudy
from taet.study.plan.study import Study
from taet.study.store import artifacts
from taet.study.store.locks import alone_with

IN_SVG = " !$&()*+,-./:;<=>?@[]^_{|}~\"'"  # characters that a data URI has as they are
FIGURE_SCALE = 2.1  # pixels of the page for each of a figure's own: as wide as the page


def path_of(study: Study) -> Path:
    """Where the report of a study is: beside its tables."""
    return study.job("tables").output.parent.with_name("report.html")


def write(study: Study, params_file: Path) -> Path:
    """Write the report of a study whose tables and figures are there; where it lies.

    Raises:
        UserError: something of it is missing, damaged or stale.
    """
    import vl_convert  # starts slowly, and little else needs it

    tables, figures = study.job("tables"), study.job("figures")
    for job in (tables, figures):
        artifacts.verify_manifest(job.output, job.key, job.files)
    scored, page = read_scored(tables), path_of(study)
    work, environments = provenance.jobs_of_stages(study, page)
    parts = Results(study, scored)
    static = list(main_tables(scored.summary, scored.differences, tables.reads))
    text = _template("report.html.j2").render(
        study=study.params.study,
        key=page_key(study, params_file),
        summary=_what_was_run(study, scored),
        settings=parts.of_settings(),
        several_ratios=parts.of_several_ratios(),
        data=parts.data(),
        methods=tables.reads["labels"]["methods"],
        looks=method_looks(figures.reads),
        tables=list(_tables(static, _anchors(study))),
        notes=_notes(static),
        warnings=_warnings(scored.metrics),
        parameters=list(_parameters(study, params_file)),
        stages=[provenance.costs(name, jobs) for name, jobs in work.items()],
        work=work,
        made=provenance.made(work),
        environments=environments,
        attack_jobs=len(study.attack_jobs),
        saved=study.saved,
        changed_stages=study.changed_stages() if isinstance(study, SavedStudy) else [],
        graph=stages_graph(study),
        alone=False,
        library=vl_convert.javascript_bundle(),
    )
    with alone_with(page):
        artifacts.remove_leftovers(page)
        artifacts.write_bytes(page, text.encode())
    return page


def stages_picture(study: Study) -> str:
    """The stages as an SVG picture that stands alone: boxes with their jobs, and what each waits for."""
    return _template("stages.svg.j2").render(graph=stages_graph(study), alone=True)


def _template(name: str) -> jinja2.Template:
    folder = importlib.resources.files("taet.report") / "templates"
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: (folder / name).read_text(encoding="utf-8")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"ensure_ascii": False, "separators": (",", ":")}
    return environment.get_template(name)


def _what_was_run(study: Study, scored: Scored) -> str:
    """In one line."""
    params, grid = study.params, study.params.grid
    labels = _labels(study)

    def several(count: int, thing: str) -> str:
        return f"{count} {thing}{'' if count == 1 else 's'}"

    ratios = [ir_label(ratio) for ratio in grid.imbalance_ratios]
    attacks = [labels["attacks"][name] for name in grid.attacks]
    test_set = title_of_test_set(scored.summary, params.report.test_set)
    return (
        f"{several(len(list(study.cells('equalize'))), 'network')}: {several(len(grid.methods), 'method')} "
        f"with {several(len(grid.seeds), 'seed')} on {_and([labels['datasets'][d] for d in grid.datasets])}, "
        f"imbalance {'ratio' if len(ratios) == 1 else 'ratios'} {_and(ratios)}, "
        f"{_and([labels['architectures'][a] for a in grid.architectures])}; "
        f"attacked by {_and(attacks)} (L-inf eps {params.threat.eps:.4g}). "
        f"{test_set[0].upper()}{test_set[1:]}, {params.report.checkpoint} checkpoint."
    )


def _and(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


class Results:
    """The parts of the page that show results.

    Args:
        study: whose tables and figures are there.
        scored: its numbers.
    """

    def __init__(self, study: Study, scored: Scored) -> None:
        self.study, self.scored = study, scored
        self.tables, self.figures = study.job("tables"), study.job("figures")
        self.results = list(settings(scored.summary, scored.differences, self.tables.reads))
        self.charts = {
            self._cell(results): Charts(
                results, self.figures.reads, self._rows(scored.training, results)
            )
            for results in self.results
        }

    def of_settings(self) -> list[dict[str, Any]]:
        """Of each data set, imbalance ratio and architecture: sentences, ranking, figures."""
        score = self.tables.inputs["score"]
        several = len(self.study.params.grid.methods) > 1  # otherwise the file is empty
        file = artifacts.by_name(score.files)["contrasts.csv"]
        contrasts = read_rows(file) if several else self.scored.differences
        anchors = _anchors(self.study)
        parts = []
        for results in self.results:
            figures = list(self._figures(results))
            if not any(figure["kind"] == "learning" for figure in figures):
                figures.append(self._learning(results))
            forest = next((f for f in figures if f["kind"] == "forest"), None)
            if forest is not None:  # its first chart is on the first screen
                rest = forest | {"files": [], "charts": forest["charts"][1:]}
                figures[figures.index(forest)] = rest
                forest = forest | {"charts": forest["charts"][:1]}
            parts.append(
                {
                    "title": results.title,
                    "cell": dict(zip(SETTING, self._cell(results), strict=True)),
                    "sentences": list(ranking.sentences(results, self._rows(contrasts, results))),
                    "columns": ranking.columns(results),
                    "ranking": ranking.ranking(results),
                    "anchors": {
                        method: anchors[results.title, label]
                        for method, label in results.methods.items()
                    },
                    "column": "/".join(
                        [*self._cell(results), results.checkpoint, results.test_set]
                    ),
                    "losses": list(_losses(self._rows(self.scored.training, results), results)),
                    "forest": forest,
                    "figures": [f for f in figures if f["files"] or f["charts"]],
                }
            )
        return parts

    def of_several_ratios(self) -> list[tuple[dict[str, str], dict[str, Any]]]:
        """Figures over imbalance ratios, each with its data set and architecture."""
        drawn = []
        for name, about in self.figures.reads["pictures"].items():
            if "imbalance_ratio" not in about:
                several = {
                    ratio: self.charts[about["dataset"], ratio, about["architecture"]]
                    for ratio in about["ratios"]
                }
                cell = {axis: about[axis] for axis in SETTING if axis in about}
                drawn.append((cell, self._figure(name, about, list(imbalance(several)))))
        return drawn

    def data(self) -> dict[str, Any]:
        """What the table and the charts are made from by the page's own code."""
        study, reads = self.study, self.tables.reads
        columns = numbers.numbers(self.results, self.scored.metrics)
        return {
            "axes": numbers.axes(self.scored.summary, reads),
            "own_axes": numbers.own_axes(self.scored.summary),
            "shown": {
                "checkpoint": reads["report"].checkpoint,
                "test_set": reads["report"].test_set,
                "attack": reads["report"].figure_attack,
            },
            "methods": [
                [method, label, f"{reads['costs'][method]:.0f}"]
                for method, label in reads["labels"]["methods"].items()
            ],
            "seeds": study.params.grid.seeds,
            "columns": columns,
            "jobs": self._jobs_of_attacks(),
        }

    def _jobs_of_attacks(self) -> dict[str, list[str]]:
        """By attack or worst case, the jobs whose predictions its numbers come from."""
        by_attack = {a: job for job, attacks in self.study.attack_jobs.items() for a in attacks}
        attacks = list(by_attack)
        members = {"clean": attacks[:1]} | {a: [a] for a in attacks}
        for name, worst in self.study.params.report.worst_cases.items():
            members[name] = attacks if worst.attacks == "all" else list(worst.attacks)
        return {
            name: list(dict.fromkeys(by_attack[a] for a in of_name))
            for name, of_name in members.items()
        }

    def _figures(self, results: SettingResults) -> Iterator[dict[str, Any]]:
        cell = dict(zip(SETTING, self._cell(results), strict=True))
        for name, about in self.figures.reads["pictures"].items():
            if {axis: about.get(axis) for axis in SETTING} == cell:
                charts = self.charts[self._cell(results)].of_figure(about["figure"])
                yield self._figure(name, about, charts)

    def _figure(
        self, name: str, about: Mapping[str, Any], charts: Sequence[Chart]
    ) -> dict[str, Any]:
        """A picture; what it shows is the first sentence of the module that draws it."""
        labels, file = _labels(self.study), self.figures.output.with_name(f"{name}.svg")
        svg = file.read_text(encoding="utf-8")
        svg = " ".join(svg[svg.index("<svg") :].split())
        (width,) = re.findall(r'^<svg [^>]*?width="([\d.]+)pt"', svg)
        setting = setting_title(
            labels,
            about["dataset"],
            about.get("imbalance_ratio", _and(about.get("ratios", [""]))),
            about["architecture"],
        )
        return {
            "kind": about["figure"],
            "title": f"{setting}: {plugins.title('report.figures', about['figure'])}",
            "files": [f"{file.parent.name}/{name}.{suffix}" for suffix in ("svg", "pdf", "png")],
            "source": f"data:image/svg+xml,{quote(svg, safe=IN_SVG)}",
            "width": round(FIGURE_SCALE * float(width) * 4 / 3),
            "charts": charts,
        }

    def _learning(self, results: SettingResults) -> dict[str, Any]:
        """Training curves of a study whose figures have none, since nothing was validated."""
        charts = list(self.charts[self._cell(results)].learning())
        return {
            "kind": "learning",
            "title": f"{results.title}: training curves",
            "files": [],
            "charts": charts,
        }

    @staticmethod
    def _cell(results: SettingResults) -> tuple[str, ...]:
        return tuple(results.summary.iloc[0][list(SETTING)])

    def _rows(self, frame: pd.DataFrame, results: SettingResults) -> pd.DataFrame:
        return frame[(frame[list(SETTING)] == list(self._cell(results))).all(axis=1)]


def _losses(training: pd.DataFrame, results: SettingResults) -> Iterator[list[str]]:
    """Of each method and stage: number of epochs, mean loss over seeds in the first and in the last."""
    means = training.groupby(["method", "stage", "epoch"], sort=False)["loss"].mean()
    for (method, stage), losses in means.groupby(["method", "stage"], sort=False):
        ends = f"{losses.iloc[0]:.4g}", f"{losses.iloc[-1]:.4g}"
        yield [results.methods[method], str(stage), str(len(losses)), *ends]


def _tables(
    tables: Sequence[Table], anchors: Mapping[tuple[str, str], str]
) -> Iterator[dict[str, Any]]:
    """Tables with their rows: what each is of, where that leads to, and its cells with their marks."""
    numbered = {note: i for i, note in enumerate(_notes(tables), 1)}
    for table in tables:
        rows = []
        for i, (name, *texts) in enumerate(table.rows):
            cell_anchor = anchors.get((table.about, name))
            cells = [(text, table.marks.get((i, k), "")) for k, text in enumerate(texts, 1)]
            rows.append({"name": name, "anchor": cell_anchor, "cells": cells})
        of_table = [numbered[sentence] for sentence in table.sentences]
        yield {"title": table.caption, "head": table.head, "rows": rows, "notes": of_table}


def _notes(tables: Sequence[Table]) -> list[str]:
    """What is said below tables, each sentence once."""
    return list(dict.fromkeys(sentence for table in tables for sentence in table.sentences))


def _anchors(study: Study) -> dict[tuple[str, str], str]:
    """By a table's setting and the label of a method: its first predictions, in the list of all artifacts."""
    labels = _labels(study)
    first: dict[tuple[str, str], str] = {}
    for job in study.jobs("attack"):
        cell = job.cell
        setting = setting_title(
            labels, cell["dataset"], cell["imbalance_ratio"], cell["architecture"]
        )
        first.setdefault((setting, labels["methods"][cell["method"]]), provenance.anchor(job))
    return first


def _labels(study: Study) -> Mapping[str, Mapping[str, str]]:
    labels: Mapping[str, Mapping[str, str]] = study.job("tables").reads["labels"]
    return labels


def _warnings(metrics: pd.DataFrame) -> list[dict[str, Any]]:
    """What attacks have warned of: once for all test sets and groups."""
    if "warnings" not in metrics:
        return []
    columns = [*MODEL, "attack", "warnings"]
    warned = metrics.dropna(subset=["warnings"])[columns].drop_duplicates()
    single = warned.assign(warnings=warned["warnings"].map(notes.split)).explode("warnings")
    rows: list[dict[str, Any]] = single.to_dict("records")
    return rows


def _parameters(study: Study, file: Path) -> Iterator[tuple[str, str, str]]:
    """Name, value and origin of every parameter."""
    for name, value, origin in listed(of_study(read_file(file), study.params.study)):
        yield name, json.dumps(value, ensure_ascii=False), origin

"""The report: one page with everything of a study, and where each number comes from.

A page for people and no artifact: times, machines and revisions are in it, which differ between two runs
that make the same results. It opens from a file, without a network, and without JavaScript as static tables
and figures.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from taet.axes import MODEL, SETTING
from taet.report import numbers, provenance, ranking
from taet.report.charts import method_looks, on_dark
from taet.report.page_figures import PageFigures, of_setting
from taet.report.stages_graph import stages_graph
from taet.report.tables import main_tables
from taet.report.tables.setting import SettingResults, settings
from taet.report.template import template
from taet.report.titles import eps_text
from taet.report.typeset import Table
from taet.scores import notes
from taet.scores.files import Scored, read_scored
from taet.scores.summary import read_rows, title_of_test_set
from taet.study.params.blocks import imbalance_ratio_label
from taet.study.params.load import read_selected
from taet.study.params.overlay import of_study
from taet.study.params.resolved import listed
from taet.study.plan.job import Job
from taet.study.plan.page import page_key
from taet.study.plan.saved import SavedStudy
from taet.study.plan.study import Study
from taet.study.store import artifacts
from taet.study.store.locks import alone_with


def path_of(study: Study) -> Path:
    """Where the report of a study is: beside its tables."""
    return study.job("tables").output.parent.with_name("report.html")


def write(study: Study, params_file: Path) -> Path:
    """Write the report of a study whose tables and figures are there; where it lies.

    Raises:
        UserError: something of it is missing, damaged or stale.
    """
    for job in (study.job("tables"), study.job("figures")):
        artifacts.verify_manifest(job.output, job.key, job.files)
    page = path_of(study)
    parts = _head(study, params_file) | _results(study) | _origins(study, page)
    text = template("report.html.j2").render(parts)
    with alone_with(page):
        artifacts.remove_leftovers(page)
        artifacts.write_bytes(page, text.encode())
    return page


def _head(study: Study, params_file: Path) -> dict[str, Any]:
    """Which study it is, its parameters, and what draws its charts."""
    import vl_convert  # large, and nothing else needs it

    return {
        "study": study.params.study,
        "key": page_key(study, params_file),
        "parameters": list(_parameters(study, params_file)),
        "library": vl_convert.javascript_bundle(),
    }


def _results(study: Study) -> dict[str, Any]:
    """Sentences, numbers, tables, figures and warnings."""
    tables, figures = study.job("tables"), study.job("figures")
    scored, looks = read_scored(tables), method_looks(figures.reads)
    results = list(settings(scored.summary, scored.differences, tables.reads))
    drawn = PageFigures(figures, results, scored.training)
    contrasts = _contrasts(tables.inputs["score"], scored)
    static = list(main_tables(scored.summary, scored.differences, tables.reads))
    data = numbers.page_data(results, scored, tables.reads, study.params.grid.seeds)
    return {
        "summary": _what_was_run(study, scored),
        "settings": [
            _setting(
                setting, drawn, of_setting(scored.training, setting), of_setting(contrasts, setting)
            )
            for setting in results
        ],
        "several_ratios": list(drawn.of_several_ratios()),
        "data": data | {"jobs": provenance.jobs_of_attacks(study)},
        "methods": tables.reads["labels"]["methods"],
        "looks": looks,
        "on_dark": on_dark(looks),
        "tables": list(_tables(static)),
        "notes": _notes(static),
        "warnings": _warnings(scored.metrics),
    }


def _origins(study: Study, page: Path) -> dict[str, Any]:
    """The jobs that made the results, with their costs, machines and code."""
    work, environments = provenance.jobs_of_stages(study, page)
    return {
        "anchors": provenance.first_predictions(study),
        "stages": [provenance.costs(name, jobs) for name, jobs in work.items()],
        "work": work,
        "made": provenance.made(work),
        "environments": environments,
        "attack_jobs": len(study.attack_jobs),
        "saved": isinstance(study, SavedStudy),
        "changed_stages": study.changed_stages() if isinstance(study, SavedStudy) else [],
        "graph": stages_graph(study),
        "alone": False,
    }


def stages_diagram(study: Study) -> str:
    """The stages as a self-contained SVG file: boxes with their numbers of jobs, and arrows between them."""
    return template("stages.svg.j2").render(graph=stages_graph(study), alone=True)


def _what_was_run(study: Study, scored: Scored) -> str:
    """In one line."""
    params, grid = study.params, study.params.grid
    labels = study.job("tables").reads["labels"]

    def several(count: int, thing: str) -> str:
        return f"{count} {thing}{'' if count == 1 else 's'}"

    ratios = [imbalance_ratio_label(ratio) for ratio in grid.imbalance_ratios]
    attacks = [labels["attacks"][name] for name in grid.attacks]
    test_set = title_of_test_set(scored.summary, params.report.test_set)
    return (
        f"{several(len(list(study.cells('equalize'))), 'network')}: {several(len(grid.methods), 'method')} "
        f"with {several(len(grid.seeds), 'seed')} on {_and([labels['datasets'][d] for d in grid.datasets])}, "
        f"imbalance {'ratio' if len(ratios) == 1 else 'ratios'} {_and(ratios)}, "
        f"{_and([labels['architectures'][a] for a in grid.architectures])}; "
        f"attacked by {_and(attacks)} (L-inf eps {eps_text(params.threat.eps)}). "
        f"{test_set[0].upper()}{test_set[1:]}, {params.report.checkpoint} checkpoint."
    )


def _and(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _contrasts(score: Job, scored: Scored) -> pd.DataFrame:
    """contrasts.csv, which is empty where there is one method."""
    file = artifacts.by_name(score.files)["contrasts.csv"]
    return read_rows(file) if scored.metrics["method"].nunique() > 1 else scored.differences


def _setting(
    setting: SettingResults, drawn: PageFigures, training: pd.DataFrame, contrasts: pd.DataFrame
) -> dict[str, Any]:
    """Sentences, ranking, figures and losses of a data set, imbalance ratio and architecture."""
    figures = drawn.of_setting(setting)
    forest = next((figure for figure in figures if figure["kind"] == "forest"), None)
    if (
        forest is not None
    ):  # the first of its charts is on the first screen, the others with the figures
        first, others = forest["charts"][:1], forest["charts"][1:]
        figures[figures.index(forest)] = forest | {"files": [], "charts": others}
        forest = forest | {"charts": first}
    return {
        "title": setting.title,
        "cell": dict(zip(SETTING, setting.cell, strict=True)),
        "sentences": list(ranking.sentences(setting, contrasts)),
        "columns": ranking.columns(setting),
        "ranking": ranking.ranking(setting),
        "column": "/".join([*setting.cell, setting.checkpoint, setting.test_set]),
        "forest": forest,
        "figures": [figure for figure in figures if figure["files"] or figure["charts"]],
        "losses": list(_losses(training, setting)),
    }


def _losses(training: pd.DataFrame, setting: SettingResults) -> Iterator[list[str]]:
    """Of each method and stage: number of epochs, mean loss over seeds in the first and in the last."""
    means = training.groupby(["method", "stage", "epoch"], sort=False)["loss"].mean()
    for (method, stage), losses in means.groupby(["method", "stage"], sort=False):
        ends = f"{losses.iloc[0]:.4g}", f"{losses.iloc[-1]:.4g}"
        yield [setting.methods[method], str(stage), str(len(losses)), *ends]


def _tables(tables: Sequence[Table]) -> Iterator[dict[str, Any]]:
    """Tables with their rows: what each is of, and its cells with their marks."""
    numbered = {note: i for i, note in enumerate(_notes(tables), 1)}
    for table in tables:
        rows = []
        for i, (name, *texts) in enumerate(table.rows):
            cells = [(text, table.marks.get((i, k), "")) for k, text in enumerate(texts, 1)]
            rows.append((name, cells))
        of_table = [numbered[sentence] for sentence in table.sentences]
        yield {
            "about": table.about, "title": table.caption, "head": table.head, "rows": rows, "notes": of_table,
        }  # fmt: skip


def _notes(tables: Sequence[Table]) -> list[str]:
    """Sentences of the notes below tables, each once."""
    return list(dict.fromkeys(sentence for table in tables for sentence in table.sentences))


def _warnings(metrics: pd.DataFrame) -> list[dict[str, Any]]:
    """Warnings of attacks: once for all test sets and groups."""
    if "warnings" not in metrics:
        return []
    columns = [*MODEL, "attack", "warnings"]
    warned = metrics.dropna(subset=["warnings"])[columns].drop_duplicates()
    single = warned.assign(warnings=warned["warnings"].map(notes.split)).explode("warnings")
    rows: list[dict[str, Any]] = single.to_dict("records")
    return rows


def _parameters(study: Study, file: Path) -> Iterator[tuple[str, str, str]]:
    """Name, value and origin of every parameter."""
    for name, value, origin in listed(of_study(read_selected(file, study.selection))):
        yield name, json.dumps(value, ensure_ascii=False), origin

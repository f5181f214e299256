"""The key of a study's report: a hash of what the page prints. A page with another key is written again."""

from pathlib import Path

from taet.source_code import PACKAGE
from taet.study.params import plugins
from taet.study.params.load import read_selected
from taet.study.params.overlay import of_study
from taet.study.params.resolved import listed
from taet.study.plan.job import hash_of
from taet.study.plan.stages import DRAWN
from taet.study.plan.study import Study
from taet.study.store.fingerprint import fingerprint


def page_key(study: Study, params_file: Path) -> str:
    """Hash of what the report prints and of what lays it out.

    Records are no part of it: to read those of all jobs takes longer than to plan them.

    Args:
        study: whose report.
        params_file: where its parameters are written; the page names the line of each.
    """
    figures = {about["figure"] for about in study.job("figures").reads["figures"].values()}
    templates = sorted((PACKAGE / "report/templates").glob("*.j2"))
    return hash_of(
        {
            "results": [study.job(stage).key for stage in DRAWN],
            "parameters": listed(of_study(read_selected(params_file, study.selection))),
            "titles": [plugins.title("report.figures", figure) for figure in sorted(figures)],
            "code": fingerprint(
                "taet.report.page", "taet.study.plan.job", "taet.study.plan.stages"
            ),
            "templates": [template.read_text(encoding="utf-8") for template in templates],
        }
    )

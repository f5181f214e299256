"""Which figures a study has, by what the files of ``report/figures`` state."""

from pathlib import Path

import pytest

from taet.errors import UserError
from taet.report import charts, page_figures
from taet.scores.files import Scored
from taet.study.params import blocks, plugins
from taet.study.params.load import load_params
from taet.study.plan.figures import Requirements, _of_figure, figures_of, requirements_of
from taet.study.plan.study import Study
from taet.study.plan.variants import STABILIZATION_EPOCHS
from tests.conftest import ROOT

EVERY_SETTING = {"per_class", "confusion", "features", "examples"}
SEVERAL_METHODS = {"ba_br", "efficiency", "forest"}


def params(study: str) -> blocks.Params:
    return load_params(ROOT / "params.yaml", study)


def drawn(study: blocks.Params) -> set[str]:
    return {about["figure"] for about in figures_of(study).values()}


def with_grid(study: blocks.Params, **axes: object) -> blocks.Params:
    return study.model_copy(update={"grid": study.grid.model_copy(update=axes)})


def test_the_page_names_figures_that_there_are() -> None:
    figures = set(plugins.names("report.figures"))
    assert {*page_figures.FIRST, *charts.OF_FIGURES} < figures


def test_figures_of_the_ablation() -> None:
    figures = Study(params("digits_ablation")).job("figures")
    drawn = figures.reads["figures"]
    names = {Path(file).stem for file in figures.files}
    setting = "digits_ir10_small_cnn"
    assert names == {
        f"{figure}_{setting}"
        for figure in (
            "per_class",
            "ba_br",
            "efficiency",
            "confusion",
            "features",
            "examples",
            "forest",
            "stabilization_length_taet",
            "loss_weights_taet",
        )
    }
    assert drawn[f"stabilization_length_taet_{setting}"]["options"] == [STABILIZATION_EPOCHS]
    assert drawn[f"loss_weights_taet_{setting}"]["options"] == ["alpha", "beta", "gamma"]


def test_figures_of_several_methods_need_two() -> None:
    digits = params("digits")
    assert drawn(digits) == EVERY_SETTING | SEVERAL_METHODS | {"imbalance"}
    assert drawn(with_grid(digits, methods=["taet"])) == EVERY_SETTING | {"imbalance"}


def test_one_figure_for_several_ratios() -> None:
    digits = params("digits")
    of_ratios = figures_of(digits)["imbalance_digits_small_cnn"]
    assert of_ratios["ratios"] == ["10", "20"]
    assert "imbalance_ratio" not in of_ratios
    assert "imbalance" not in drawn(with_grid(digits, imbalance_ratios=[10, "natural"]))


def test_learning_curves_need_validation_of_every_method() -> None:
    study = params("digits_learning")
    assert "learning" in drawn(study)
    first = study.grid.methods[0]
    training = study.methods[first].training.model_copy(update={"validation": None})
    methods = study.methods | {
        first: study.methods[first].model_copy(update={"training": training})
    }
    assert "learning" not in drawn(study.model_copy(update={"methods": methods}))


def test_a_new_file_is_a_new_figure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ablation, digits = params("digits_ablation"), params("digits")
    figures = tmp_path / "report/figures"
    figures.mkdir(parents=True)
    (figures / "margins.py").write_text('"""Margins."""\nraise SystemExit\n')
    (figures / "pairs.py").write_text(
        '"""Pairs."""\nREQUIRES = {"methods": 12}\nraise SystemExit\n'
    )
    monkeypatch.setattr(plugins, "PACKAGE", tmp_path)
    plugins.names.cache_clear()
    plugins.syntax_tree.cache_clear()
    try:
        assert list(figures_of(ablation)) == [
            *("margins_digits_ir10_small_cnn", "pairs_digits_ir10_small_cnn")
        ]
        assert drawn(digits) == {"margins"}, "eleven methods are too few for pairs"
    finally:
        plugins.names.cache_clear()
        plugins.syntax_tree.cache_clear()


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ('{"method": 2}', "REQUIRES.method: extra inputs"),
        ('{"methods": "two"}', "REQUIRES.methods: .*integer"),
        ('["methods"]', "REQUIRES: .*with any of: methods, ratios, validation, varying"),
        ("dict(methods=2)", "odd.py:2: REQUIRES must be a literal"),
    ],
)
def test_what_no_figure_can_require(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, stated: str, message: str
) -> None:
    (tmp_path / "report/figures").mkdir(parents=True)
    (tmp_path / "report/figures/odd.py").write_text(f'"""Odd."""\nREQUIRES: dict = {stated}\n')
    monkeypatch.setattr(plugins, "PACKAGE", tmp_path)
    plugins.syntax_tree.cache_clear()
    plugins.names.cache_clear()
    try:
        with pytest.raises(UserError, match=f"report/figures/odd.py.*{message}|{message}"):
            requirements_of("odd")
    finally:
        plugins.syntax_tree.cache_clear()
        plugins.names.cache_clear()


def test_several_ratios_need_enough_methods_too() -> None:
    needs = Requirements(ratios=2, methods=2)
    digits = params("digits")
    assert list(_of_figure(digits, "both", needs)) == [("both", {"ratios": ["10", "20"]})]
    alone = with_grid(digits, methods=["taet"])
    assert list(_of_figure(alone, "both", needs)) == []
    validated = Requirements(ratios=2, validation=True)
    assert list(_of_figure(digits, "both", validated)) == [], "digits validates nothing"


def test_figures_read_tables_that_exist() -> None:
    tables = {*Scored.__dataclass_fields__, "features", "examples"}
    for figure in plugins.names("report.figures"):
        assert set(plugins.constant("report.figures", figure, "SOURCES", ("summary",))) <= tables


@pytest.mark.parametrize("stage", ["score", "inspect", "tables"])
def test_files_are_those_that_the_stage_states(stage: str) -> None:
    job = Study(params("digits")).job(stage)
    assert [file.name for file in job.files] == list(plugins.load("stages", stage).FILES)

"""A sweep gives the methods that a person would write out."""

from pathlib import Path

import pytest

from taet.errors import UserError
from taet.study.params.load import load_params
from taet.study.params.overlay import of_study, read_file
from taet.study.params.selection import Selection
from taet.study.plan.stages import STAGES
from taet.study.plan.study import Study
from tests.conftest import ROOT

TEXT = (ROOT / "params.yaml").read_text()
HEAD = "\n  swept:\n    extends: digits_cut\n"
SWEEP = """    grid: {methods: [taet_bcl]}
    sweep:
      taet_bcl: {alpha: [0.5, 8/255], training: {optimizer: {weight_decay: [0, 5e-4]}}}
      las_at: {stabilization: [null, clean20], update_every: [10]}
"""
WRITTEN = """    grid:
      methods:
        - taet_bcl
        - taet_bcl_alpha_0_5_weight_decay_0
        - taet_bcl_alpha_0_5_weight_decay_5e_4
        - taet_bcl_alpha_8_255_weight_decay_0
        - taet_bcl_alpha_8_255_weight_decay_5e_4
        - las_at_s_null_ue_10
        - las_at_s_clean20_ue_10
    methods:
      taet_bcl_alpha_0_5_weight_decay_0:
        {extends: taet_bcl, label: "TAET (BCL only, alpha 0.5, weight decay 0)", alpha: 0.5,
         training: {optimizer: {weight_decay: 0}}}
      taet_bcl_alpha_0_5_weight_decay_5e_4:
        {extends: taet_bcl, label: "TAET (BCL only, alpha 0.5, weight decay 5e-4)", alpha: 0.5,
         training: {optimizer: {weight_decay: 5e-4}}}
      taet_bcl_alpha_8_255_weight_decay_0:
        {extends: taet_bcl, label: "TAET (BCL only, alpha 8/255, weight decay 0)", alpha: 8/255,
         training: {optimizer: {weight_decay: 0}}}
      taet_bcl_alpha_8_255_weight_decay_5e_4:
        {extends: taet_bcl, label: "TAET (BCL only, alpha 8/255, weight decay 5e-4)", alpha: 8/255,
         training: {optimizer: {weight_decay: 5e-4}}}
      las_at_s_null_ue_10:
        {extends: las_at, label: "LAS-AT (stabilization null, update every 10)", stabilization: null,
         update_every: 10}
      las_at_s_clean20_ue_10:
        {extends: las_at, label: "LAS-AT (stabilization clean20, update every 10)",
         stabilization: clean20, update_every: 10}
"""


def with_block(tmp_path: Path, block: str) -> Path:
    file = tmp_path / "params.yaml"
    file.write_text(TEXT + HEAD + block)
    return file


def test_parameters_and_keys_are_those_of_blocks_written_out(tmp_path: Path) -> None:
    swept = load_params(with_block(tmp_path, SWEEP), "swept")
    written = load_params(with_block(tmp_path, WRITTEN), "swept")
    assert swept == written
    one, other = Study(swept), Study(written)
    for stage in STAGES:
        assert [job.key for job in one.jobs(stage)] == [job.key for job in other.jobs(stage)]
    assert len({job.key for job in one.jobs("equalize")}) == 7 * 2, "each value is another key"


def test_a_study_that_extends_one_with_a_sweep(tmp_path: Path) -> None:
    heirs = (
        "  heir: {extends: swept, sweep: {las_at: null}}\n  none: {extends: swept, sweep: null}\n"
    )
    file = with_block(tmp_path, SWEEP + heirs)
    assert len(load_params(file, "heir").grid.methods) == 1 + 4
    assert load_params(file, "none").grid.methods == ["taet_bcl"]
    of_heir = load_params(
        file, Selection("heir", ("sweep.taet_bcl.alpha=[3]", "sweep.mart.beta=[1]"))
    )
    assert of_heir.grid.methods[1:] == [
        "taet_bcl_alpha_3_weight_decay_0",
        "taet_bcl_alpha_3_weight_decay_5e_4",
        "mart_beta_1",
    ]


def test_names_of_values_differ(tmp_path: Path) -> None:
    """Also of numbers that differ in their sign or the place of a point alone."""
    block = "    sweep: {gairat: {lam: [-1, 1, 1.5, 15, -1.5, 0.15, 1e-3, 1.0e+3, 1/3]}}\n"
    methods = load_params(with_block(tmp_path, block), "swept").grid.methods[11:]
    assert methods == [
        f"gairat_lam_{text}"
        for text in ("minus_1", "1", "1_5", "15", "minus_1_5", "0_15", "1e_3", "1000", "1_3")
    ]


def test_a_value_has_its_own_line(tmp_path: Path) -> None:
    file = with_block(tmp_path, SWEEP)
    source = of_study(read_file(file), "swept")
    line = next(
        i for i, text in enumerate(file.read_text().splitlines(), 1) if "8/255], tr" in text
    )
    name = "taet_bcl_alpha_8_255_weight_decay_0"
    assert (
        source.locate(("methods", name, "alpha"))
        == f"{file}:{line}: studies.swept.sweep.taet_bcl.alpha[1]"
    )
    assert source.origin(("methods", name, "label")) == f"studies.swept, line {line}"


@pytest.mark.parametrize(
    ("sweep", "message"),
    [
        ("3", "studies.swept.sweep: must be a mapping, such as"),
        ("{teat: {alpha: [1]}}", "studies.swept.sweep.teat: no method 'teat'; did you mean 'taet'"),
        ("{taet: [1, 2]}", "sweep.taet: must be a mapping, as in"),
        ("{taet: {alpha: 1}}", "sweep.taet.alpha: must be a list of values, as in"),
        ("{taet: {alpha: []}}", "sweep.taet.alpha: must be a list of values"),
        ("{taet: {alpha: [[1]]}}", r"sweep.taet.alpha\[0\]: must be one number, text, true, false or null, got \[1\]"),
        ("{taet: {alhpa: [1]}}", r"sweep.taet.alhpa\[0\]: unknown key; did you mean 'alpha'"),
        ("{taet: {alpha: [1, -1]}}", r"sweep.taet.alpha\[1\]: input should be greater than or equal to 0, got -1"),
        ("{taet: {alpha: [1, 1.0]}}", "sweep.taet: the name 'taet_alpha_1' is taken"),
        ("{las_at: {stabilization: [a_stage_1_whose_name_is_too_long]}}", "sweep.las_at: the name 'las_at_s_a_stage_1_whose_name_is_too_long' has over 40"),
    ],
)  # fmt: skip
def test_wrong_sweeps(tmp_path: Path, sweep: str, message: str) -> None:
    file = with_block(tmp_path, f"    sweep: {sweep}\n")
    line = file.read_text().count("\n")
    with pytest.raises(UserError, match=rf"params.yaml:{line}: .*{message}"):
        load_params(file, "swept")


def test_only_a_study_has_a_sweep(tmp_path: Path) -> None:
    file = tmp_path / "params.yaml"
    file.write_text(TEXT.replace("download:", "sweep: {taet: {alpha: [1]}}\ndownload:"))
    with pytest.raises(UserError, match=r"params.yaml:\d+: sweep: only a study has one"):
        load_params(file)

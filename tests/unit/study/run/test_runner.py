"""Doing a job: what it leaves beside its output."""

import os
import time
from pathlib import Path

import pytest

from taet.cli.main import main
from taet.study.params.load import load_params
from taet.study.plan.study import Study
from taet.study.run.runner import run_job


@pytest.fixture
def study(tiny_params: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """The study ``tiny`` with its images, in the working folder."""
    monkeypatch.chdir(tmp_path)
    made = Study(load_params(tiny_params))
    run_job(made.job("download", dataset="digits"))
    return made


def test_inputs_from_the_future_get_the_present_time(study: Study) -> None:
    """After a clock was set back; Snakemake deletes an output that is older than its input."""
    split = study.jobs("subsample")[0]
    (images,) = split.inputs.values()
    os.utime(images.output, (2**33, 2**33))
    run_job(split)
    assert images.output.stat().st_mtime <= time.time()
    assert images.output.stat().st_mtime <= split.output.stat().st_mtime + 1


def test_a_verify_that_verified_nothing_is_an_error(
    study: Study, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", "download"]) == 0
    assert main(["verify", "subsample"]) == 1
    errors = capsys.readouterr().err
    assert "none of its 1 artifacts here, so nothing was verified" in errors
    assert "--config study=tiny" in errors


def test_no_environment_variable_chooses_the_study(
    study: Study, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TAET_STUDY", "digits_cut")
    assert main(["verify", "download"]) == 0
    assert "1 artifact of study tiny matches" in capsys.readouterr().out

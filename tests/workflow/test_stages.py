"""Stages as functions, in one process: what a saved model does with its outputs."""

import math
from pathlib import Path

import pytest
import torch

from taet import artifacts, grid, params, runner
from taet.errors import UserError
from taet.jobs import Job
from taet.networks import Adjusted, build_model, load_model, restore_model

ADJUSTED = """
  adjusted:
    extends: tiny
    grid: {methods: [pgd_at_la, robal, at_bsl_ema]}
    longtail: {validation_share: 0.2}
    methods: {pgd_at_la: {logit_adjustment: {tau: [0, 1, 100]}}}
  without_validation:
    extends: adjusted
    longtail: {validation_share: 0}
  chained:
    extends: tiny
    stabilizations: {clean20: {epochs: 1}, clean40: {epochs: 3, after: clean20}}
  unchained:
    extends: tiny
    stabilizations: {clean40: {epochs: 3}}
"""


def study(tiny_params: Path, monkeypatch: pytest.MonkeyPatch, name: str = "adjusted") -> grid.Study:
    """A study of the file ``tiny_params``, to run in its folder."""
    with tiny_params.open("a") as file:
        file.write(ADJUSTED)
    monkeypatch.chdir(tiny_params.parent)
    return grid.Study(params.load(tiny_params, name))


def finished(study: grid.Study, method: str) -> Job:
    job = study.job(
        "equalize", dataset="digits", ir="10", architecture="small_cnn", method=method, seed=0
    )
    for needed in (*job.inputs.values(), job):
        if not needed.output.exists():
            runner.run_job(needed)
    return job


def test_tau_is_chosen_on_validation_images(
    tiny_params: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = finished(study(tiny_params, monkeypatch), "pgd_at_la")
    facts = artifacts.read_facts(job.output)
    assert facts["tau"] in (0, 1), (
        "a prior of weight 100 has the model see nothing but the rarest class"
    )
    counts = artifacts.read_facts(job.inputs["split"].output)["class_counts"]
    bias = facts["inference"]["bias"]
    differences = [b - bias[0] for b in bias]
    expected = [-facts["tau"] * math.log(n / counts[0]) for n in counts]
    assert differences == pytest.approx(expected)


def test_loaded_model_gives_what_an_attack_must_see(
    tiny_params: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = finished(study(tiny_params, monkeypatch), "robal")
    model = load_model(job.output, job.key)
    assert isinstance(model, Adjusted)
    arrays, facts = artifacts.read_arrays(job.output)
    bare = build_model(facts["network"]).eval()
    restore_model(bare, arrays)
    x = torch.rand(5, 1, 8, 8)
    assert bare(x).abs().max() <= 1, "cosines"
    torch.testing.assert_close(model(x), 10 * bare(x))


def test_averaged_weights_are_saved(tiny_params: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = study(tiny_params, monkeypatch)
    averaged, _ = artifacts.read_arrays(finished(made, "at_bsl_ema").output)
    plain = grid.Study(
        params.load(tiny_params, "adjusted").model_copy(
            update={"grid": made.params.grid.model_copy(update={"methods": ["at_bsl"]})}
        )
    )
    last, _ = artifacts.read_arrays(finished(plain, "at_bsl").output)
    assert averaged.keys() == last.keys()
    assert any((averaged[name] != last[name]).any() for name in last)


def test_choosing_needs_validation_images(
    tiny_params: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = study(tiny_params, monkeypatch, "without_validation")
    with pytest.raises(UserError, match=r"no validation images to choose with.*validation_share"):
        finished(without, "pgd_at_la")


def test_chained_stage_one_is_one_stage_one(
    tiny_params: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chained = study(tiny_params, monkeypatch, "chained")
    assert [job.cell["stabilization"] for job in chained.jobs("stabilize")] == [
        "clean40",
        "clean20",
    ]
    found = []
    for made in (chained, grid.Study(params.load(tiny_params, "unchained"))):
        job = made.job("stabilize", dataset="digits", ir="10", architecture="small_cnn", stabilization="clean40", seed=0)  # fmt: skip
        for needed in (*job.inputs.values(), job):
            if not needed.output.exists():
                runner.run_job(needed)
        found.append(artifacts.read_arrays(job.output))
    (one, facts), (other, other_facts) = found
    assert facts["history"] == other_facts["history"]
    assert one.keys() == other.keys()
    assert all((one[name] == other[name]).all() for name in one)

"""Stages as functions, in one process: what a saved model does with its outputs."""

import math
from pathlib import Path

import pytest
import torch

from taet.data.loader import to_pixels
from taet.data.split_images import read_data
from taet.errors import UserError
from taet.networks.network import Adjusted, build_model, load_model, predict, restore_model
from taet.stages import attack
from taet.study.params.load import load_params
from taet.study.plan.job import Job
from taet.study.plan.study import Study
from taet.study.run import runner
from taet.study.store import artifacts
from taet.training.validation import balanced

ADJUSTED = """
  adjusted:
    extends: tiny
    grid: {methods: [pgd_at_la, robal, at_bsl_ema]}
    longtail: {validation_share: 0.2}
    methods: {pgd_at_la: {logit_adjustment: {tau: [0, 1, 100]}}}
  measured:
    extends: tiny
    grid: {methods: [pgd_at_la]}
    longtail: {validation_share: 0.2}
    training: {validation: {steps: 1, step_size: 0.01, every: 1}}
  chained:
    extends: tiny
    stabilizations: {clean20: {epochs: 1}, clean40: {epochs: 3, after: clean20}}
  far:
    extends: tiny
    grid: {methods: [pgd_at, las_at]}
    training: {optimizer: {kind: sgd, learning_rate: 1e38, momentum: 0.9, weight_decay: 0}}
    methods: {las_at: {update_every: 1, strategy_width: 8}}
  unchained:
    extends: tiny
    stabilizations: {clean40: {epochs: 3}}
"""


def study(tiny_params: Path, monkeypatch: pytest.MonkeyPatch, name: str = "adjusted") -> Study:
    """A study of the file ``tiny_params``, to run in its folder."""
    with tiny_params.open("a") as file:
        file.write(ADJUSTED)
    monkeypatch.chdir(tiny_params.parent)
    return Study(load_params(tiny_params, name))


def finished(study: Study, method: str) -> Job:
    job = study.job(
        "equalize",
        dataset="digits",
        imbalance_ratio="10",
        architecture="small_cnn",
        method=method,
        seed=0,
    )
    for needed in (*job.inputs.values(), job):
        if not needed.output.exists():
            runner.run_job(needed)
    return job


def test_tau_is_chosen_on_validation_images(
    tiny_params: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = finished(study(tiny_params, monkeypatch), "pgd_at_la")
    facts = artifacts.read_facts(job.output)["checkpoints"]["last"]
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
    restore_model(bare, arrays, "last/")
    x = torch.rand(5, 1, 8, 8)
    assert bare(x).abs().max() <= 1, "cosines"
    torch.testing.assert_close(model(x), 10 * bare(x))


def test_averaged_weights_are_saved(tiny_params: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = study(tiny_params, monkeypatch)
    averaged, _ = artifacts.read_arrays(finished(made, "at_bsl_ema").output)
    plain = Study(
        load_params(tiny_params, "adjusted").model_copy(
            update={"grid": made.params.grid.model_copy(update={"methods": ["at_bsl"]})}
        )
    )
    last, _ = artifacts.read_arrays(finished(plain, "at_bsl").output)
    assert averaged.keys() == last.keys()
    assert any((averaged[name] != last[name]).any() for name in last)


def test_choosing_needs_validation_images(
    tiny_params: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tiny_params.open("a") as file:
        file.write(
            "\n  without:\n    extends: tiny\n    grid: {methods: [pgd_at_la]}"
            "\n    methods: {pgd_at_la: {logit_adjustment: {tau: [0, 1]}}}\n"
        )
    with pytest.raises(UserError, match=r"no validation images to choose with.*validation_share"):
        load_params(tiny_params, "without")


def test_what_is_measured_is_what_is_saved(
    tiny_params: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outputs as they will be used: with post-hoc logit adjustment."""
    job = finished(study(tiny_params, monkeypatch, "measured"), "pgd_at_la")
    measured = artifacts.read_facts(job.output)["history"][-1]["validation_accuracy"]
    data = read_data(job, "validation")
    x = to_pixels(data.images["validation"], data.max_value)
    y, model = data.labels["validation"], load_model(job.output, job.key)
    assert measured == pytest.approx(balanced(predict(model, x, 100) == y, y))
    assert measured != pytest.approx(balanced(predict(model.network, x, 100) == y, y))


def test_chained_stage_one_is_one_stage_one(
    tiny_params: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chained = study(tiny_params, monkeypatch, "chained")
    assert [job.cell["stabilization"] for job in chained.jobs("stabilize")] == [
        "clean40",
        "clean20",
    ]
    found = []
    for made in (chained, Study(load_params(tiny_params, "unchained"))):
        job = made.job("stabilize", dataset="digits", imbalance_ratio="10", architecture="small_cnn", stabilization="clean40", seed=0)  # fmt: skip
        for needed in (*job.inputs.values(), job):
            if not needed.output.exists():
                runner.run_job(needed)
        found.append(artifacts.read_arrays(job.output))
    (one, facts), (other, other_facts) = found
    assert facts["history"] == other_facts["history"]
    assert one.keys() == other.keys()
    assert all((one[name] == other[name]).all() for name in one)


@pytest.mark.parametrize("method", ["pgd_at", "las_at"])
def test_diverged_run_names_its_cell_and_leaves_nothing(
    tiny_params: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    made = study(tiny_params, monkeypatch, "far")
    said = rf"equalize digits ir10 small_cnn {method} seed0: training diverged: .* epoch [12]"
    with pytest.raises(UserError, match=said):
        finished(made, method)
    assert not list(Path("results").rglob("*.safetensors"))


def test_killed_attack_goes_on(tiny_params: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job's file is that of an undisturbed run, and what was saved on the way is gone."""
    monkeypatch.setattr(attack, "SAVE_PAUSE", 0.0)
    monkeypatch.setattr("taet.study.run.resume.SAVING_SHARE", math.inf)
    model = finished(study(tiny_params, monkeypatch), "at_bsl_ema")
    made = Study(load_params(tiny_params, "adjusted"))
    cell = {**model.cell, "checkpoint": "last", "job": "gradient"}
    job = made.job("attack", **cell)
    runner.run_job(job)
    expected = job.output.read_bytes()
    job.output.unlink()

    written = artifacts.write_arrays
    saves: list[Path] = []

    def dying(path: Path, *values: object, **facts: object) -> None:
        written(path, *values, **facts)
        saves.append(path)
        if len(saves) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(artifacts, "write_arrays", dying)
    with pytest.raises(KeyboardInterrupt):
        runner.run_job(job)
    monkeypatch.setattr(artifacts, "write_arrays", written)
    assert saves[0].exists()
    assert not job.output.exists()
    runner.run_job(job)
    assert job.output.read_bytes() == expected
    assert not saves[0].exists()

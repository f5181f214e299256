"""What jobs of a training read: the method, its own training, where it stops, and its stage 1."""

from pathlib import Path

import pytest

from taet.study.params.load import load_params
from taet.study.plan.job import Job
from taet.study.plan.study import Study

STUDY = """
  stages:
    extends: digits
    grid: {methods: [pgd_at, taet, taet_adversarial, taet_slow]}
    training: {epochs: 9}
    stabilizations:
      clean40: {epochs: 3, after: warm}
      warm: {method: clean, epochs: 2, after: null}
      adversarial40: {epochs: 4}
    methods:
      taet_slow:
        {kind: taet, label: TAET (slow), stabilization: clean40, alpha: 0.1, beta: 0.1, gamma: 0.1, absent_classes: zero, extra_clean_forward: false, training: {optimizer: {weight_decay: 0.125}}}
"""


@pytest.fixture
def study(tiny_params: Path) -> Study:
    with tiny_params.open("a") as file:
        file.write(STUDY)
    return Study(load_params(tiny_params, "stages"))


def trained(study: Study, method: str) -> Job:
    return study.job(
        "equalize",
        dataset="digits",
        imbalance_ratio="10",
        architecture="small_cnn",
        method=method,
        seed=0,
    )


def test_a_method_trains_to_the_end_from_its_stage_one(study: Study) -> None:
    job = trained(study, "taet")
    assert (job.reads["method"].kind, job.reads["stop"]) == ("taet", 9)
    assert job.code == ("taet.stages.equalize", "taet.architectures.small_cnn", "taet.methods.taet")
    stabilization = job.inputs["stage1"]
    assert stabilization.reads["method"].kind == "clean"
    assert (stabilization.reads["stop"], stabilization.reads["training"].epochs) == (3, 9)
    before = stabilization.inputs["stage1"]
    assert (before.reads["method"].kind, before.reads["stop"]) == ("clean", 2)
    assert "stage1" not in before.inputs
    assert "stage1" not in trained(study, "pgd_at").inputs
    adversarial = trained(study, "taet_adversarial").inputs["stage1"]
    assert (adversarial.reads["method"].kind, adversarial.reads["stop"]) == ("pgd_at", 4)


def test_a_methods_own_training_counts_for_it_alone(study: Study) -> None:
    slow, plain = trained(study, "taet_slow"), trained(study, "taet")
    assert slow.reads["training"].optimizer.weight_decay == 0.125
    assert plain.reads["training"].optimizer.weight_decay != 0.125
    assert slow.reads["training"].epochs == 9
    assert slow.key != plain.key


def test_an_attack_reads_the_network_of_its_own_cell(study: Study) -> None:
    network = trained(study, "taet")
    name = next(iter(study.attack_jobs))
    job = study.job("attack", **network.cell, checkpoint="last", job=name)
    assert job.inputs["model"] is network
    assert job.inputs["split"] is network.inputs["split"]
    assert list(job.reads["attacks"]) == study.attack_jobs[name]
    assert all(study.params.attacks[a] is job.reads["attacks"][a] for a in study.attack_jobs[name])
